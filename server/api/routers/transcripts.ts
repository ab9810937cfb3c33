import { agentRunPage, listAgentRunsInput, listTurnsInput, turnPage } from "../../domain/transcripts";
import { listAgentRuns } from "../../services/transcripts/list-agent-runs";
import { listTurns } from "../../services/transcripts/list-turns";
import { router, teamProcedure } from "../trpc";

const tags = ["Jobs"];

export const transcriptsRouter = router({
  agentRuns: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/agent-runs",
        tags,
        summary: "The agent runs of a job, oldest first",
        description: "GET /jobs/{id}/transcript gives all of them with all their turns, as JSON lines.",
      },
    })
    .input(listAgentRunsInput)
    .output(agentRunPage)
    .query(({ ctx, input }) => listAgentRuns({ ctx, input })),

  turns: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/agent-runs/{key}/turns",
        tags,
        summary: "What one agent was asked and answered, turn by turn",
        description: 'The key holds slashes, which are percent-encoded: "task-1%2Fcoder".',
      },
    })
    .input(listTurnsInput)
    .output(turnPage)
    .query(({ ctx, input }) => listTurns({ ctx, input })),
});
