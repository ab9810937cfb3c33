import { z } from "zod";
import { locksView } from "../../domain/outputs";
import { listLocks } from "../../services/locks/list-locks";
import { router, teamProcedure } from "../trpc";

export const locksRouter = router({
  list: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/locks",
        tags: ["Queue"],
        summary: "Files that jobs hold, and who waits for them",
      },
    })
    .input(z.strictObject({}))
    .output(locksView)
    .query(({ ctx }) => listLocks({ ctx })),
});
