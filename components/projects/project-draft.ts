// What the project form holds, and how it becomes the input of the API. Fields are named as the API names them, so
// that a fault of the input is a fault of the field. Pure.
import {
  type CreateProjectInput,
  createProjectInput,
  type ProjectView,
  type UpdateProjectInput,
  updateProjectInput,
} from "@/server/domain/project";
import type { Role } from "@/server/domain/roles";

export interface ProjectDraft {
  name: string;
  repository_url: string;
  default_branch: string;
  folder: string;
  username: string;
  /** What was typed; empty leaves a stored token as it is, null takes it away. */
  token: string | null;
  setup_command: string;
  lint_command: string;
  test_command: string;
  budget_usd: string;
  max_fixes: string;
  image: string;
  models: Partial<Record<Role, string>>;
}

export const EMPTY_PROJECT: ProjectDraft = {
  name: "",
  repository_url: "",
  default_branch: "",
  folder: "",
  username: "",
  token: "",
  setup_command: "",
  lint_command: "",
  test_command: "",
  budget_usd: "",
  max_fixes: "",
  image: "",
  models: {},
};

/** Field, or `models.` and a role, → what is wrong with it. */
export type ProjectFaults = Record<string, string>;

/** The faults that are left when these parts were typed in anew. */
export function faultsBeside(faults: ProjectFaults, part: Partial<ProjectDraft>): ProjectFaults {
  return Object.fromEntries(Object.entries(faults).filter(([field]) => !(field.split(".")[0]! in part)));
}

/** A project as the form shows it. */
export function draftOf(project: ProjectView): ProjectDraft {
  return {
    name: project.name,
    repository_url: project.repository_url,
    default_branch: project.default_branch ?? "",
    folder: project.folder,
    username: project.username ?? "",
    token: "",
    setup_command: project.setup_command ?? "",
    lint_command: project.lint_command ?? "",
    test_command: project.test_command ?? "",
    budget_usd: project.budget_usd === null ? "" : String(project.budget_usd),
    max_fixes: project.max_fixes === null ? "" : String(project.max_fixes),
    image: project.image ?? "",
    models: project.models,
  };
}

const textOf = (typed: string) => typed.trim() || null;
const numberOf = (typed: string) => (typed.trim() ? Number(typed) : null);

/** Everything that can be changed later, too, but for the token. */
function fieldsOf(draft: ProjectDraft) {
  return {
    default_branch: textOf(draft.default_branch),
    folder: draft.folder.trim(),
    username: textOf(draft.username),
    setup_command: textOf(draft.setup_command),
    lint_command: textOf(draft.lint_command),
    test_command: textOf(draft.test_command),
    budget_usd: numberOf(draft.budget_usd),
    max_fixes: numberOf(draft.max_fixes),
    image: textOf(draft.image),
    models: Object.fromEntries(Object.entries(draft.models).filter(([, model]) => model.trim())),
  };
}

/** "Cart-Service.git" at the end of an address → "cart-service"; empty when nothing there can be a name. */
export function suggestName(repositoryUrl: string): string {
  const last = repositoryUrl.trim().replace(/\/+$/, "").split("/").slice(3).at(-1) ?? "";
  return last
    .replace(/\.git$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 80);
}

/** The page that adds a project has this address. */
const TAKEN_BY_PAGE = "new";

/** The input that adds a project, or the first fault of each field. */
export function readNewProject(
  draft: ProjectDraft,
): { input: CreateProjectInput } | { faults: ProjectFaults } {
  if (draft.name === TAKEN_BY_PAGE) return { faults: { name: `cannot be "${TAKEN_BY_PAGE}"` } };
  const token = textOf(draft.token ?? "");
  const { name, repository_url } = draft;
  const parsed = createProjectInput.safeParse({
    name: name.trim(),
    repository_url,
    token,
    ...fieldsOf(draft),
  });
  return parsed.success ? { input: parsed.data } : { faults: faultsOf(parsed.error.issues) };
}

/** The input that changes what differs from the project, or the first fault of each field. */
export function readProjectChanges(
  project: ProjectView,
  draft: ProjectDraft,
): { input: UpdateProjectInput } | { faults: ProjectFaults } {
  const before: Record<string, unknown> = fieldsOf(draftOf(project));
  const changed = Object.entries(fieldsOf(draft)).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(before[field]),
  );
  const token = draft.token === null ? null : (textOf(draft.token) ?? undefined);
  const parsed = updateProjectInput.safeParse({
    name: project.name,
    ...Object.fromEntries(changed),
    ...(token !== undefined && { token }),
  });
  return parsed.success ? { input: parsed.data } : { faults: faultsOf(parsed.error.issues) };
}

function faultsOf(issues: readonly { path: PropertyKey[]; message: string }[]): ProjectFaults {
  const faults: ProjectFaults = {};
  for (const issue of issues) {
    const field = issue.path.map(String).join(".");
    faults[field] ??= sayPlainly(field, issue.message);
  }
  return faults;
}

/** What the schema says of a number that is none, and of a union, is not for people. */
function sayPlainly(field: string, message: string): string {
  if (field === "folder") return "must be a path inside the repository, without .. and .git";
  if (message.includes("received NaN")) return "must be a number";
  return message;
}
