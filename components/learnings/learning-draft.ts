// A learning while somebody writes it. Pure.
import type { LearningKind, LearningView } from "@/server/domain/learning";
import { TEXT_CHARS, TITLE_CHARS } from "@/server/domain/learning-kinds";
import { STACK_NAMES, type StackName } from "@/server/domain/stacks";

export interface LearningDraft {
  title: string;
  text: string;
  kind: LearningKind;
  /** Empty: holds anywhere. */
  project: string;
  stack: string[];
  /** A path a line. */
  files: string;
}

const MOST_FILES = 20;

export function toDraft(learning?: LearningView): LearningDraft {
  return {
    title: learning?.title ?? "",
    text: learning?.text ?? "",
    kind: learning?.kind ?? "gotcha",
    project: learning?.project ?? "",
    stack: learning?.stack ?? [],
    files: learning?.files.join("\n") ?? "",
  };
}

const linesOf = (text: string) => [
  ...new Set(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== ""),
  ),
];

/** What is sent. */
export function readDraft({ title, text, kind, project, stack, files }: LearningDraft) {
  return {
    title: title.trim(),
    text: text.trim(),
    kind,
    project: project === "" ? null : project,
    stack: stack.filter((name): name is StackName => STACK_NAMES.some((known) => known === name)),
    files: linesOf(files),
  };
}

/** What is wrong with it, by field, in a sentence each. */
export function faultsOf(draft: LearningDraft): Partial<Record<keyof LearningDraft, string>> {
  const { title, text, files } = readDraft(draft);
  const bad = files.find((path) => path.startsWith("/") || path.split("/").includes(".."));
  return {
    ...(title === "" && { title: "Say in a few words what it is about." }),
    ...(title.length > TITLE_CHARS && { title: `At most ${TITLE_CHARS} characters.` }),
    ...(text === "" && { text: "Say what the next one should know." }),
    ...(text.length > TEXT_CHARS && { text: `At most ${TEXT_CHARS.toLocaleString("en")} characters.` }),
    ...(files.length > MOST_FILES && { files: `At most ${MOST_FILES} files.` }),
    ...(bad !== undefined && { files: `${bad} is no path within the repository.` }),
  };
}
