import {
  costCallsInput,
  costCallsView,
  dayBudgetInput,
  jobCostsView,
  teamCostsInput,
  teamCostsView,
} from "../../domain/costs";
import { jobRef } from "../../domain/inputs";
import { jobCosts } from "../../services/costs/job-costs";
import { listCalls } from "../../services/costs/list-calls";
import { setDayBudget } from "../../services/costs/set-day-budget";
import { teamCosts } from "../../services/costs/team-costs";
import { router, teamProcedure } from "../trpc";

const tags = ["Costs"];

export const costsRouter = router({
  team: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/costs",
        tags,
        summary: "What the team has paid, by day, role, model, provider, project or job",
      },
    })
    .input(teamCostsInput)
    .output(teamCostsView)
    .query(({ ctx, input }) => teamCosts({ ctx, input })),

  job: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/costs",
        tags,
        summary: "What a job has cost, by role, model, agent run, round, job and day",
      },
    })
    .input(jobRef)
    .output(jobCostsView)
    .query(({ ctx, input }) => jobCosts({ ctx, input })),

  calls: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/costs/calls",
        tags,
        summary: "Every model call of a job, newest first",
      },
    })
    .input(costCallsInput)
    .output(costCallsView)
    .query(({ ctx, input }) => listCalls({ ctx, input })),

  setDayBudget: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/team/budget",
        tags,
        summary: "Set what the team may spend a day",
        description: "Null gives it back to the factory's setting BUDGET_DAY_USD. For admins.",
      },
    })
    .input(dayBudgetInput)
    .output(teamCostsView.shape.day)
    .mutation(({ ctx, input }) => setDayBudget({ ctx, input })),
});
