// What the new-job form holds, and how it becomes the input of the API. Pure.

import { faultsOfRefusal } from "@/components/projects/server-faults";
import type { DeployTarget } from "@/server/domain/deploy-targets";
import { createJobInput } from "@/server/domain/inputs";
import type { Priority } from "@/server/domain/priority";

export interface JobDraft {
  request: string;
  /** Name of the project whose repository is changed; empty for a new project. */
  project: string;
  baseBranch: string;
  behaviourUnchanged: boolean;
  stack: string[];
  features: string;
  priority: Priority;
  budget: string;
  maxFixes: string;
  candidates: string;
  dependsOn: string;
  files: string;
  requiredTests: string;
  requiredPatterns: string;
  context: string;
  spec: string;
  approvePlan: boolean;
  deployTargets: DeployTarget[];
}

export const EMPTY_DRAFT: JobDraft = {
  request: "",
  project: "",
  baseBranch: "",
  behaviourUnchanged: false,
  stack: ["node"],
  features: "",
  priority: "medium",
  budget: "",
  maxFixes: "",
  candidates: "",
  dependsOn: "",
  files: "",
  requiredTests: "",
  requiredPatterns: "",
  context: "",
  spec: "",
  approvePlan: false,
  deployTargets: [],
};

/** Which part of the form shows the fault of which part of the input. */
const FIELD_OF: Record<string, keyof JobDraft> = {
  title: "request",
  description: "request",
  tech_stack: "stack",
  features: "features",
  priority: "priority",
  budget_usd: "budget",
  max_fixes: "maxFixes",
  candidates: "candidates",
  depends_on: "dependsOn",
  files: "files",
  required_tests: "requiredTests",
  required_patterns: "requiredPatterns",
  context: "context",
  spec: "spec",
  approve_plan: "approvePlan",
  deploy_targets: "deployTargets",
  project: "project",
  base_branch: "baseBranch",
  behaviour_unchanged: "behaviourUnchanged",
};

const TITLE_LENGTH = 200;

const lines = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** The first line is the title; when it is too long for one, it is cut there and kept whole in the description. */
export function splitRequest(request: string): { title: string; description: string } {
  const text = request.trim();
  const [first = "", ...others] = text.split("\n");
  if (first.trim().length <= TITLE_LENGTH)
    return { title: first.trim(), description: others.join("\n").trim() };
  return { title: `${first.slice(0, TITLE_LENGTH - 1).trimEnd()}…`, description: text };
}

/** A repository decides its technologies itself. */
function placeOf(draft: JobDraft) {
  if (!draft.project) return { tech_stack: draft.stack.join(",") };
  return {
    project: draft.project,
    behaviour_unchanged: draft.behaviourUnchanged,
    ...(draft.baseBranch.trim() && { base_branch: draft.baseBranch }),
  };
}

function toInput(draft: JobDraft) {
  return {
    ...splitRequest(draft.request),
    ...placeOf(draft),
    features: lines(draft.features),
    priority: draft.priority,
    ...(draft.budget.trim() && { budget_usd: Number(draft.budget) }),
    ...(draft.maxFixes.trim() && { max_fixes: Number(draft.maxFixes) }),
    ...(draft.candidates.trim() && { candidates: Number(draft.candidates) }),
    depends_on: lines(draft.dependsOn),
    files: lines(draft.files),
    required_tests: lines(draft.requiredTests),
    required_patterns: lines(draft.requiredPatterns),
    ...(draft.context.trim() && { context: draft.context }),
    ...(draft.spec.trim() && { spec: draft.spec }),
    ...(draft.approvePlan && { approve_plan: true }),
    ...(draft.deployTargets.length > 0 && { deploy_targets: draft.deployTargets }),
  };
}

export type DraftFaults = Partial<Record<keyof JobDraft, string>>;

/** The input to send, or the first fault of each field. */
export function readDraft(draft: JobDraft): { input: ReturnType<typeof toInput> } | { faults: DraftFaults } {
  if (!draft.request.trim())
    return { faults: { request: `Say what should be ${draft.project ? "changed" : "built"}.` } };
  if (!draft.project && draft.stack.length === 0)
    return { faults: { stack: "Choose at least one technology." } };
  const input = toInput(draft);
  const parsed = createJobInput.safeParse(input);
  if (parsed.success) return { input };
  const faults: DraftFaults = {};
  for (const issue of parsed.error.issues) {
    const field = FIELD_OF[String(issue.path[0])] ?? "request";
    faults[field] ??= issue.message;
  }
  return { faults };
}

/** Faults that only the server could find, by the form's fields. A job that is refused as a whole has none. */
export function faultsFromServer(
  draft: JobDraft,
  { text, httpStatus }: { text: string; httpStatus: number | null },
): DraftFaults {
  const faults: DraftFaults = {};
  for (const [path, what] of Object.entries(faultsOfRefusal(text))) {
    faults[FIELD_OF[path.split(".")[0] ?? ""] ?? "request"] ??= what;
  }
  // A project that was archived since it was chosen.
  if (draft.project && httpStatus === 404) faults.project = text;
  return faults;
}
