// All procedures. The type is what clients of the API are written against.
import { authRouter } from "./routers/auth";
import { costsRouter } from "./routers/costs";
import { factoryRouter } from "./routers/factory";
import { healthRouter } from "./routers/health";
import { jobsRouter } from "./routers/jobs";
import { learningsRouter } from "./routers/learnings";
import { locksRouter } from "./routers/locks";
import { projectsRouter } from "./routers/projects";
import { queueRouter } from "./routers/queue";
import { steeringRouter } from "./routers/steering";
import { transcriptsRouter } from "./routers/transcripts";
import { workersRouter } from "./routers/workers";
import { router } from "./trpc";

export const appRouter = router({
  auth: authRouter,
  costs: costsRouter,
  factory: factoryRouter,
  health: healthRouter,
  jobs: jobsRouter,
  projects: projectsRouter,
  learnings: learningsRouter,
  locks: locksRouter,
  queue: queueRouter,
  steering: steeringRouter,
  transcripts: transcriptsRouter,
  workers: workersRouter,
});

export type AppRouter = typeof appRouter;
