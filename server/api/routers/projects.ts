import { z } from "zod";
import { createProjectInput, projectRef, projectView, updateProjectInput } from "../../domain/project";
import { archiveProject } from "../../services/projects/archive-project";
import { checkProject } from "../../services/projects/check-project";
import { createProject } from "../../services/projects/create-project";
import { getProject } from "../../services/projects/get-project";
import { listProjects } from "../../services/projects/list-projects";
import { updateProject } from "../../services/projects/update-project";
import { router, teamProcedure } from "../trpc";

const tags = ["Projects"];

export const projectsRouter = router({
  list: teamProcedure
    .meta({ openapi: { method: "GET", path: "/projects", tags, summary: "The team's projects, by name" } })
    .input(z.strictObject({}))
    .output(z.object({ projects: z.array(projectView) }))
    .query(({ ctx }) => listProjects({ ctx })),

  get: teamProcedure
    .meta({ openapi: { method: "GET", path: "/projects/{name}", tags, summary: "One project" } })
    .input(projectRef)
    .output(projectView)
    .query(({ ctx, input }) => getProject({ ctx, input })),

  create: teamProcedure
    .meta({
      status: 201,
      openapi: {
        method: "POST",
        path: "/projects",
        tags,
        summary: "File a repository as a project (admins)",
        description: "The token is kept sealed and is never answered. The repository is not looked at yet.",
      },
    })
    .input(createProjectInput)
    .output(projectView)
    .mutation(({ ctx, input }) => createProject({ ctx, input })),

  update: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/projects/{name}",
        tags,
        summary: "Change a project (admins)",
        description: "What is left out stays as it is; null takes it away. Its repository never changes.",
      },
    })
    .input(updateProjectInput)
    .output(projectView)
    .mutation(({ ctx, input }) => updateProject({ ctx, input })),

  archive: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/projects/{name}/archive",
        tags,
        summary: "Put a project away and forget its token (admins)",
        description: "Refused while jobs that are not settled belong to it. Its name is free afterwards.",
      },
    })
    .input(projectRef)
    .output(projectView)
    .mutation(({ ctx, input }) => archiveProject({ ctx, input })),

  check: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/projects/{name}/check",
        tags,
        summary: "Look at the repository now (members)",
        description: "Answers what was found: branch, commit, technologies and the commands to propose.",
      },
    })
    .input(projectRef)
    .output(projectView)
    .mutation(({ ctx, input }) => checkProject({ ctx, input })),
});
