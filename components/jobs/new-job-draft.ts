// What the new-job form holds, and how it becomes the input of the API. Pure.
import { createJobInput } from "@/server/domain/inputs";
import type { Priority } from "@/server/domain/priority";

export interface JobDraft {
  request: string;
  stack: string[];
  features: string;
  priority: Priority;
  budget: string;
  maxFixes: string;
  dependsOn: string;
  files: string;
  requiredTests: string;
  requiredPatterns: string;
  context: string;
  spec: string;
}

export const EMPTY_DRAFT: JobDraft = {
  request: "",
  stack: ["node"],
  features: "",
  priority: "medium",
  budget: "",
  maxFixes: "5",
  dependsOn: "",
  files: "",
  requiredTests: "",
  requiredPatterns: "",
  context: "",
  spec: "",
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
  depends_on: "dependsOn",
  files: "files",
  required_tests: "requiredTests",
  required_patterns: "requiredPatterns",
  context: "context",
  spec: "spec",
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

function toInput(draft: JobDraft) {
  return {
    ...splitRequest(draft.request),
    tech_stack: draft.stack.join(","),
    features: lines(draft.features),
    priority: draft.priority,
    ...(draft.budget.trim() && { budget_usd: Number(draft.budget) }),
    max_fixes: Number(draft.maxFixes),
    depends_on: lines(draft.dependsOn),
    files: lines(draft.files),
    required_tests: lines(draft.requiredTests),
    required_patterns: lines(draft.requiredPatterns),
    ...(draft.context.trim() && { context: draft.context }),
    ...(draft.spec.trim() && { spec: draft.spec }),
  };
}

export type DraftFaults = Partial<Record<keyof JobDraft, string>>;

/** The input to send, or the first fault of each field. */
export function readDraft(draft: JobDraft): { input: ReturnType<typeof toInput> } | { faults: DraftFaults } {
  if (!draft.request.trim()) return { faults: { request: "Say what should be built." } };
  if (draft.stack.length === 0) return { faults: { stack: "Choose at least one technology." } };
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
