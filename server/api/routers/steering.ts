// What people say to a job under way: messages to its agents, and decisions about its plan.
import { jobRef } from "../../domain/inputs";
import { jobView } from "../../domain/outputs";
import {
  approvePlanInput,
  listMessagesInput,
  messagesView,
  messageView,
  plansView,
  requestChangesInput,
  sendMessageInput,
} from "../../domain/steering";
import { getJob } from "../../services/jobs/get-job";
import { approvePlan, requestChanges } from "../../services/steering/decide-plan";
import { listMessages } from "../../services/steering/list-messages";
import { listPlans } from "../../services/steering/list-plans";
import { sendMessage } from "../../services/steering/send-message";
import { idempotencyHeader } from "../idempotency-header";
import { router, teamProcedure } from "../trpc";

const tags = ["Jobs"];

export const steeringRouter = router({
  send: teamProcedure
    .meta({
      status: 201,
      openapi: {
        method: "POST",
        path: "/jobs/{id}/messages",
        tags,
        summary: "Say something to the agents of a job",
        description: "The next turn of whichever agent asks next reads it, once, in the order of sending.",
        requestHeaders: idempotencyHeader,
      },
    })
    .input(sendMessageInput)
    .output(messageView)
    .mutation(({ ctx, input }) => sendMessage({ ctx, input, idempotencyKey: ctx.idempotencyKey })),

  messages: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/messages",
        tags,
        summary: "What was said to a job, and which turn read it",
      },
    })
    .input(listMessagesInput)
    .output(messagesView)
    .query(({ ctx, input }) => listMessages({ ctx, input })),

  plans: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/plan",
        tags,
        summary: "The versions of a plan that were to be approved, and what was decided",
      },
    })
    .input(jobRef)
    .output(plansView)
    .query(({ ctx, input }) => listPlans({ ctx, input })),

  approvePlan: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/jobs/{id}/plan/approve",
        tags,
        summary: "Approve the plan, as it is or as it was edited",
        description:
          "The job goes on. With the version that was read, the same decision sent twice counts once.",
      },
    })
    .input(approvePlanInput)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await approvePlan({ ctx, input });
      return getJob({ ctx, input: { id: input.id } });
    }),

  requestChanges: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/jobs/{id}/plan/request-changes",
        tags,
        summary: "Send the plan back to the planner with remarks",
        description: "The planner writes another version, which waits for a decision again.",
      },
    })
    .input(requestChangesInput)
    .output(jobView)
    .mutation(async ({ ctx, input }) => {
      await requestChanges({ ctx, input });
      return getJob({ ctx, input: { id: input.id } });
    }),
});
