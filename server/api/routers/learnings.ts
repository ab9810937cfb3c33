import { z } from "zod";
import { jobRef } from "../../domain/inputs";
import {
  createLearningInput,
  editLearningInput,
  importedView,
  importLearningsInput,
  jobLearningsView,
  learningHits,
  learningPage,
  learningRef,
  learningView,
  listLearningsInput,
  searchLearningsInput,
} from "../../domain/learning";
import { createLearning } from "../../services/memory/create-learning";
import { deleteLearning } from "../../services/memory/delete-learning";
import { editLearning } from "../../services/memory/edit-learning";
import { getLearning } from "../../services/memory/get-learning";
import { importLearnings } from "../../services/memory/import-learnings";
import { jobLearnings } from "../../services/memory/job-learnings";
import { listLearnings } from "../../services/memory/list-learnings";
import { pinLearning } from "../../services/memory/pin-learning";
import { searchLearnings } from "../../services/memory/search-learnings";
import { router, teamProcedure } from "../trpc";

const tags = ["Learnings"];

/** Addresses with a word in the place of an id come before those with the id. */
export const learningsRouter = router({
  list: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/learnings",
        tags,
        summary: "What the team has learned, newest first",
      },
    })
    .input(listLearningsInput)
    .output(learningPage)
    .query(({ ctx, input }) => listLearnings({ ctx, input })),

  search: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/learnings/search",
        tags,
        summary: "Learnings that fit a text, best first",
        description:
          "By words, and by meaning where an embedding model answers; `note` says why not when one is set but away.",
      },
    })
    .input(searchLearningsInput)
    .output(learningHits)
    .query(({ ctx, input }) => searchLearnings({ ctx, input })),

  get: teamProcedure
    .meta({ openapi: { method: "GET", path: "/learnings/{id}", tags, summary: "One learning" } })
    .input(learningRef)
    .output(learningView)
    .query(({ ctx, input }) => getLearning({ ctx, input })),

  create: teamProcedure
    .meta({
      status: 201,
      openapi: {
        method: "POST",
        path: "/learnings",
        tags,
        summary: "Write a learning down (members)",
        description:
          "Secrets in it are replaced. When the team has one that says the same, that one is answered.",
      },
    })
    .input(createLearningInput)
    .output(learningView)
    .mutation(({ ctx, input }) => createLearning({ ctx, input })),

  import: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/learnings/import",
        tags,
        summary: "Take learnings out of Markdown files (members)",
        description:
          "Sections under headings and lines such as “- [gotcha] Title: text”. The same again adds nothing.",
      },
    })
    .input(importLearningsInput)
    .output(importedView)
    .mutation(({ ctx, input }) => importLearnings({ ctx, input })),

  edit: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/learnings/{id}",
        tags,
        summary: "Change a learning (members)",
        description: "What is left out stays as it is.",
      },
    })
    .input(editLearningInput)
    .output(learningView)
    .mutation(({ ctx, input }) => editLearning({ ctx, input })),

  pin: teamProcedure
    .meta({
      openapi: { method: "POST", path: "/learnings/{id}/pin", tags, summary: "Pin a learning (members)" },
    })
    .input(learningRef)
    .output(learningView)
    .mutation(({ ctx, input }) => pinLearning({ ctx, input, pinned: true })),

  unpin: teamProcedure
    .meta({
      openapi: { method: "POST", path: "/learnings/{id}/unpin", tags, summary: "Take a pin away (members)" },
    })
    .input(learningRef)
    .output(learningView)
    .mutation(({ ctx, input }) => pinLearning({ ctx, input, pinned: false })),

  delete: teamProcedure
    .meta({
      openapi: {
        method: "DELETE",
        path: "/learnings/{id}",
        tags,
        summary: "Delete a learning (members)",
        description: "No job brings it back; a person may.",
      },
    })
    .input(learningRef)
    .output(z.object({ deleted: z.literal(true) }))
    .mutation(({ ctx, input }) => deleteLearning({ ctx, input })),

  ofJob: teamProcedure
    .meta({
      openapi: {
        method: "GET",
        path: "/jobs/{id}/learnings",
        tags,
        summary: "What a job's agents were told, and what it found out",
      },
    })
    .input(jobRef)
    .output(jobLearningsView)
    .query(({ ctx, input }) => jobLearnings({ ctx, input })),
});
