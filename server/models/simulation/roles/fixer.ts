// The simulated fixer: reads the files that the failure and the task point at, compares them with what the task
// needs, mends the difference, and says what it was.

import type { Conversation, PastCall } from "../conversation";
import { replacementBetween } from "../edits";
import { explainPassage, withMistakes } from "../faults";
import { withoutNumbers } from "../listing";
import { errs, type SimulationModel } from "../model-name";
import type { Project, SourceFile } from "../project";
import { coderFiles, intendedState } from "../writers";
import { finish, type PlannedAnswer, type PlannedCall, write } from "./answer";

const FILES_A_TURN = 6;

/** What a task's files are meant to be. */
export interface Intention {
  /** The task's own code. */
  own: readonly SourceFile[];
  /** Every file that may be mended, by path. */
  intended: Map<string, SourceFile>;
  /** The file with its mistake, for a model that repeats it. */
  mistaken: SourceFile | undefined;
}

/** The fixer's next answer in task n. */
export function fixerAnswer(
  talk: Conversation,
  project: Project,
  n: number,
  model: SimulationModel,
): PlannedAnswer {
  const own = coderFiles(project, n);
  const mistaken = withMistakes(own, model, n, project.seed).findLast((candidate) => candidate.bugs);
  return mendingAnswer(talk, { own, intended: intendedState(project, n), mistaken }, n, model);
}

/** Reads what the failure points at, mends what differs from what is meant, and says what it was. */
export function mendingAnswer(
  talk: Conversation,
  intention: Intention,
  n: number,
  model: SimulationModel,
): PlannedAnswer {
  const { own, intended, mistaken } = intention;
  const patches = talk.past.filter(({ call }) => call.name === "edit" || call.name === "write");
  if (errs(model, "stubborn", n) && talk.past.length > 0) return stubborn(patches, mistaken);
  if (patches.length > 0) return afterPatches(talk, patches, intended);
  const reads = talk.past.filter(({ call }) => call.name === "read");
  const calls = reads.flatMap((read) => patch(read, intended));
  if (calls.length > 0) return mended(talk, calls, calls, intended);
  const seen = new Set(reads.map(({ call }) => field(call.input, "path")));
  const next = suspects(talk.failure ?? "", own, intended)
    .filter((path) => !seen.has(path))
    .slice(0, FILES_A_TURN);
  if (next.length > 0) {
    const text =
      reads.length > 0
        ? "These files are as they should be; looking further."
        : "Reading what the failure points at.";
    return { text, calls: next.map((path) => ({ name: "read", input: { path } })) };
  }
  return finish("I found no difference between the code and what the task needs.", {
    summary: "No file was changed.",
    root_cause: `Not found in the files of this project. The failure begins with: ${firstLine(talk.failure)}`,
    files_changed: [],
  });
}

/** Paths in the order in which they are worth reading: the task's own code, what the failure names, the rest. */
function suspects(
  failure: string,
  files: readonly SourceFile[],
  intended: Map<string, SourceFile>,
): string[] {
  const own = files.filter((file) => file.bugs).map((file) => file.path);
  const named = [...intended.keys()].filter((path) => failure.includes(path));
  const code = [...intended.keys()].filter((path) => /\.(py|[cm]?[jt]s|json)$/.test(path));
  return [...new Set([...own.reverse(), ...named, ...code])];
}

/** The call that turns the file that was read into what it should be; none when it is right. */
function patch({ call, result }: PastCall, intended: Map<string, SourceFile>): PlannedCall[] {
  const path = field(call.input, "path");
  const file = intended.get(path);
  if (!file || !result) return [];
  if (result.isError) return [write(path, file.content)];
  const current = withoutNumbers(result.content, file.content);
  if (current === null || current.trimEnd() === file.content.trimEnd()) return [];
  const replacement = replacementBetween(current, file.content);
  return [replacement ? { name: "edit", input: { path, ...replacement } } : write(path, file.content)];
}

function afterPatches(
  talk: Conversation,
  patches: PastCall[],
  intended: Map<string, SourceFile>,
): PlannedAnswer {
  const written = new Set(
    patches.filter(({ call }) => call.name === "write").map(({ call }) => field(call.input, "path")),
  );
  const refused = patches
    .filter(({ call, result }) => call.name === "edit" && result?.isError)
    .map(({ call }) => field(call.input, "path"))
    .filter((path) => !written.has(path));
  const again = refused.flatMap((path) => {
    const file = intended.get(path);
    return file ? [write(path, file.content)] : [];
  });
  return mended(talk, [...patches.map(({ call }) => call), ...again], again, intended);
}

/** Ends with what was wrong, after the calls that are still to be made. */
function mended(
  talk: Conversation,
  all: PlannedOrMade[],
  open: PlannedCall[],
  intended: Map<string, SourceFile>,
): PlannedAnswer {
  const changed = [...new Set(all.map((call) => field(call.input, "path")))];
  const report = {
    summary: `Mended ${changed.join(", ")}.`,
    root_cause: `${causes(all, intended)} It showed as: ${firstLine(talk.failure)}`,
    files_changed: changed,
  };
  return finish("I see the cause; this mends it.", report, open);
}

type PlannedOrMade = { name: string; input: unknown };

function causes(calls: PlannedOrMade[], intended: Map<string, SourceFile>): string {
  const sentences = calls.map((call) => {
    const path = field(call.input, "path");
    const file = intended.get(path);
    const why = file && call.name === "edit" ? explainPassage(file, field(call.input, "old")) : null;
    return `In ${path} ${why ?? "the code was not what the task needs"}.`;
  });
  return [...new Set(sentences)].join(" ");
}

/** Writes the mistaken file again, each time the same, and believes that it helps. */
function stubborn(patches: PastCall[], file: SourceFile | undefined): PlannedAnswer {
  const report = {
    summary: `Wrote ${file?.path ?? "nothing"} again.`,
    root_cause: "The file was perhaps not saved completely.",
    files_changed: file ? [file.path] : [],
  };
  return finish(
    "Writing the file once more.",
    report,
    file && patches.length === 0 ? [write(file.path, file.content)] : [],
  );
}

function firstLine(failure: string | null): string {
  const line =
    (failure ?? "").split("\n").find((text) => /error|fail|assert|unused|F\d{3}/i.test(text)) ??
    failure ??
    "";
  return line.trim().slice(0, 200) || "no output";
}

function field(input: unknown, name: string): string {
  const value =
    typeof input === "object" && input !== null ? (input as Record<string, unknown>)[name] : undefined;
  return typeof value === "string" ? value : "";
}
