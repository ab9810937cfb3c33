// Project records: an existing repository with what change jobs need to know of it. What may be sent and what is
// answered; the token goes in and never comes out.
import { z } from "zod";
import { branchName, cleanText, imageName, line, modelChoice, projectName, relativePath } from "./fields";
import { role } from "./roles";

/** A shell line that is run in the sandbox, in the project's folder. */
const shellLine = cleanText(2_000)
  .trim()
  .min(1, "must not be empty; leave it out, or give null, for what is detected");

/** Written in one way only, as git lists paths. */
const plainFolder = relativePath.refine(
  (path) => path.split("/").every((part) => part !== "" && part !== "."),
  "must be written plainly, such as packages/web",
);

const fields = {
  repository_url: line(2_000),
  default_branch: branchName.nullable(),
  /** Empty for the root of the repository. */
  folder: z.union([z.literal(""), plainFolder]),
  // HTTP ends the name at the first colon.
  username: line(200)
    .refine((name) => !name.includes(":"), "must not have a colon")
    .nullable(),
  token: line(4_000).nullable(),
  setup_command: shellLine.nullable(),
  lint_command: shellLine.nullable(),
  test_command: shellLine.nullable(),
  budget_usd: z.number().positive().max(10_000).nullable(),
  max_fixes: z.number().int().min(0).max(20).nullable(),
  models: z.partialRecord(role, modelChoice),
  fallback_models: z.partialRecord(role, modelChoice),
  image: imageName.nullable(),
};

/** Whoever leaves a field out gets what is detected, or the factory's setting. */
export const createProjectInput = z.strictObject({
  name: projectName,
  ...fields,
  default_branch: fields.default_branch.default(null),
  folder: fields.folder.default(""),
  username: fields.username.default(null),
  token: fields.token.default(null),
  setup_command: fields.setup_command.default(null),
  lint_command: fields.lint_command.default(null),
  test_command: fields.test_command.default(null),
  budget_usd: fields.budget_usd.default(null),
  max_fixes: fields.max_fixes.default(null),
  models: fields.models.default({}),
  fallback_models: fields.fallback_models.default({}),
  image: fields.image.default(null),
});
export type CreateProjectInput = z.infer<typeof createProjectInput>;

export const projectRef = z.strictObject({ name: projectName });

/** What is left out stays as it is; null takes it away. The repository of a project never changes. */
export const updateProjectInput = z.strictObject({
  name: projectName,
  ...z.object(fields).omit({ repository_url: true }).partial().shape,
});
export type UpdateProjectInput = z.infer<typeof updateProjectInput>;

/** What a look at the repository found. */
export const detectedProject = z.object({
  /** Branch that was looked at, and its commit. */
  branch: z.string(),
  commit: z.string(),
  files: z.number(),
  tech_stack: z.array(z.string()),
  setup_command: z.string().nullable(),
  lint_command: z.string().nullable(),
  test_command: z.string().nullable(),
  /** The repository brings a fabrica.json, which outranks what is detected and what is set here. */
  has_config: z.boolean(),
  /** What people should know, a sentence each: submodules and LFS that are left alone, a broken fabrica.json. */
  notes: z.array(z.string()),
});
export type DetectedProject = z.infer<typeof detectedProject>;

export const projectView = z.object({
  name: z.string(),
  repository_url: z.string(),
  default_branch: z.string().nullable(),
  folder: z.string(),
  username: z.string().nullable(),
  has_token: z.boolean(),
  setup_command: z.string().nullable(),
  lint_command: z.string().nullable(),
  test_command: z.string().nullable(),
  budget_usd: z.number().nullable(),
  max_fixes: z.number().nullable(),
  models: z.partialRecord(role, z.string()),
  fallback_models: z.partialRecord(role, z.string()),
  image: z.string().nullable(),
  detected: detectedProject.nullable(),
  checked_at: z.string().nullable(),
  archived: z.boolean(),
  /** Jobs that work on it now or wait to. */
  open_jobs: z.number(),
  created_at: z.string(),
});
export type ProjectView = z.infer<typeof projectView>;
