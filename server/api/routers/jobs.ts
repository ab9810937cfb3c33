import {
  createJobInput,
  jobRef,
  listJobsInput,
  setBudgetInput,
  setDependenciesInput,
  setPriorityInput,
} from "../../domain/inputs";
import { jobDetailView, jobPage, jobView } from "../../domain/outputs";
import { cancelJob } from "../../services/jobs/cancel-job";
import { createJob } from "../../services/jobs/create-job";
import { getJob } from "../../services/jobs/get-job";
import { jobDetail } from "../../services/jobs/job-detail";
import { eventPage, listEvents, listEventsInput } from "../../services/jobs/list-events";
import { listJobs } from "../../services/jobs/list-jobs";
import { pauseJob } from "../../services/jobs/pause-job";
import { diffView, readDiff, readDiffInput } from "../../services/jobs/read-diff";
import { fileContentView, readFile, readFileInput } from "../../services/jobs/read-file";
import { resumeJob } from "../../services/jobs/resume-job";
import { retryJob } from "../../services/jobs/retry-job";
import { setBudget } from "../../services/jobs/set-budget";
import { setDependencies } from "../../services/jobs/set-dependencies";
import { setPriority } from "../../services/jobs/set-priority";
import { idempotencyHeader } from "../idempotency-header";
import { router, teamProcedure } from "../trpc";

const tags = ["Jobs"];

export const jobsRouter = router({
  create: teamProcedure
    .meta({
      status: 201,
      openapi: {
        method: "POST",
        path: "/jobs",
        tags,
        summary: "File a job",
        description: "With an Idempotency-Key the same request gives the same job, however often it is sent.",
        requestHeaders: idempotencyHeader,
      },
    })
    .input(createJobInput)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      const job = await createJob({ ctx, input, idempotencyKey: ctx.idempotencyKey });
      return getJob({ ctx, input: { id: job.publicId } });
    }),

  list: teamProcedure
    .meta({ openapi: { method: "GET", path: "/jobs", tags, summary: "The team's jobs, newest first" } })
    .input(listJobsInput)
    .output(jobPage)
    .query(({ ctx, input }) => listJobs({ ctx, input })),

  get: teamProcedure
    .meta({ openapi: { method: "GET", path: "/jobs/{id}", tags, summary: "One job" } })
    .input(jobRef)
    .output(jobView)
    .query(({ ctx, input }) => getJob({ ctx, input })),

  detail: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/detail",
        tags,
        summary: "Plan, checks, files, deliveries and cost of a job",
      },
    })
    .input(jobRef)
    .output(jobDetailView)
    .query(({ ctx, input }) => jobDetail({ ctx, input })),

  events: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/log",
        tags,
        summary: "A job's events as a list",
        description: "GET /jobs/{id}/events is the same as a live stream.",
      },
    })
    .input(listEventsInput)
    .output(eventPage)
    .query(({ ctx, input }) => listEvents({ ctx, input })),

  file: teamProcedure
    .meta({
      openapi: { method: "GET", path: "/jobs/{id}/file", tags, summary: "One file of the newest commit" },
    })
    .input(readFileInput)
    .output(fileContentView)
    .query(({ ctx, input }) => readFile({ ctx, input })),

  diff: teamProcedure
    .meta({ openapi: { method: "GET", path: "/jobs/{id}/diff", tags, summary: "What the job changed" } })
    .input(readDiffInput)
    .output(diffView)
    .query(({ ctx, input }) => readDiff({ ctx, input })),

  cancel: teamProcedure
    .meta({
      openapi: { method: "DELETE", path: "/jobs/{id}", tags, summary: "Cancel a job and its children" },
    })
    .input(jobRef)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await cancelJob({ ctx, input });
      return getJob({ ctx, input });
    }),

  retry: teamProcedure
    .meta({ openapi: { method: "POST", path: "/jobs/{id}/retry", tags, summary: "Run a settled job again" } })
    .input(jobRef)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await retryJob({ ctx, input });
      return getJob({ ctx, input });
    }),

  pause: teamProcedure
    .meta({ openapi: { method: "POST", path: "/jobs/{id}/pause", tags, summary: "Pause a job" } })
    .input(jobRef)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await pauseJob({ ctx, input });
      return getJob({ ctx, input });
    }),

  resume: teamProcedure
    .meta({ openapi: { method: "POST", path: "/jobs/{id}/resume", tags, summary: "Let a paused job go on" } })
    .input(jobRef)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await resumeJob({ ctx, input });
      return getJob({ ctx, input });
    }),

  setPriority: teamProcedure
    .meta({
      openapi: { method: "POST", path: "/jobs/{id}/priority", tags, summary: "Change a job's priority" },
    })
    .input(setPriorityInput)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await setPriority({ ctx, input });
      return getJob({ ctx, input: { id: input.id } });
    }),

  setDependencies: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/jobs/{id}/dependencies",
        tags,
        summary: "Change what a job waits for",
        description:
          "Only before it begins. Jobs that would wait for each other are refused, the circle is named.",
      },
    })
    .input(setDependenciesInput)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await setDependencies({ ctx, input });
      return getJob({ ctx, input: { id: input.id } });
    }),

  setBudget: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/jobs/{id}/budget",
        tags,
        summary: "Set a job's cap",
        description:
          "Parts of the job that had paused at the cap go on by themselves; the job itself with resume, or when it is resumed.",
      },
    })
    .input(setBudgetInput)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await setBudget({ ctx, input });
      return getJob({ ctx, input: { id: input.id } });
    }),
});
