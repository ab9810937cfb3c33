// The simulated fixer at a merge: it finds the conflict markers, reads the files, and keeps both sides of each conflict
// by exact edits. What is outside of the markers stays as it is.
import type { Conversation, PastCall } from "../conversation";
import { numberedLines } from "../listing";
import { finish, type PlannedAnswer, type PlannedCall, write } from "./answer";

const PATTERN = "^<{7}( |$)";
const FILES_A_TURN = 6;

/** Whether a failure is about conflict markers in files. */
export function isConflict(failure: string | null): boolean {
  return /<{7}|\bconflict markers?\b/i.test(failure ?? "");
}

/** The fixer's next answer: search, read whole files, edit, finish. */
export function conflictAnswer(talk: Conversation): PlannedAnswer {
  const searched = talk.past.find(({ call }) => call.name === "search");
  if (!searched?.result) {
    return {
      text: "Looking for conflict markers.",
      calls: [{ name: "search", input: { pattern: PATTERN } }],
    };
  }
  const paths = pathsOf(searched.result.content, talk);
  const files = paths.map((path) => readSoFar(talk.past, path));
  const reading = files.flatMap(({ path, next }) => (next === null ? [] : [range(path, next)]));
  if (reading.length > 0) {
    return { text: "Reading the files with conflicts.", calls: reading.slice(0, FILES_A_TURN) };
  }
  const merged = files.flatMap(({ path, lines }) => mergeCalls(path, lines));
  const tried = talk.past.filter(({ call }) => call.name === "edit" || call.name === "write");
  const wanted = merged.filter((call) => !tried.some((past) => sameCall(past.call, call)));
  const changed = [...new Set(merged.map((call) => String(call.input.path)))];
  return finish(
    changed.length > 0 ? "Keeping both sides." : "There is no conflict marker in any file.",
    {
      summary:
        changed.length > 0 ? `Merged ${changed.join(", ")}: both sides are kept.` : "No file was changed.",
      root_cause: "The base was changed in the same lines as this job, so the two did not fit together.",
      files_changed: changed,
    },
    wanted,
  );
}

function sameCall(past: { name: string; input: unknown }, call: PlannedCall): boolean {
  const input = past.input as { path?: unknown; old?: unknown };
  return past.name === call.name && input.path === call.input.path && input.old === call.input.old;
}

/** Files that the search found; those that the failure names come first. */
function pathsOf(found: string, { failure }: Conversation): string[] {
  const paths = found.split("\n").flatMap((line) => {
    const [, path] = /^(.+?):\d+:<{7}/.exec(line) ?? /^(.+): \d+ (?:more )?matching lines$/.exec(line) ?? [];
    return path ? [path] : [];
  });
  const named = (path: string) => Number((failure ?? "").includes(path));
  return [...new Set(paths)].sort((a, b) => named(b) - named(a));
}

const range = (path: string, start: number): PlannedCall => ({
  name: "read",
  input: start === 1 ? { path } : { path, start },
});

interface SoFar {
  path: string;
  lines: string[];
  /** The line from which to read on; null when all is read, or cannot be. */
  next: number | null;
}

/** What was read of a file before anything was written. */
function readSoFar(past: readonly PastCall[], path: string): SoFar {
  const lines: string[] = [];
  let next: number | null = 1;
  for (const { call, result } of past) {
    const input = call.input as { path?: unknown; start?: unknown };
    if (call.name !== "read" || input.path !== path || (input.start ?? 1) !== next || !result) continue;
    if (result.isError) return { path, lines: [], next: null };
    const last = /\n\[lines \d+ to \d+ of \d+; go on with start=(\d+)\]\s*$/.exec(result.content);
    lines.push(...numberedLines(result.content).values());
    next = last ? Number(last[1]) : null;
  }
  return { path, lines, next };
}

interface Conflict {
  old: string[];
  both: string[];
}

type Side = "ours" | "base" | "theirs";

function conflictsOf(lines: readonly string[]): Conflict[] {
  const found: Conflict[] = [];
  let from = -1;
  let side: Side = "ours";
  let sides: Record<Side, string[]> = { ours: [], base: [], theirs: [] };
  for (const [index, line] of lines.entries()) {
    if (/^<{7}( |\r?$)/.test(line)) {
      from = index;
      side = "ours";
      sides = { ours: [], base: [], theirs: [] };
    } else if (from < 0) continue;
    else if (/^\|{7}( |\r?$)/.test(line)) side = "base";
    else if (/^={7}\r?$/.test(line)) side = "theirs";
    else if (/^>{7}( |\r?$)/.test(line)) {
      const same = sides.ours.join("\n") === sides.theirs.join("\n");
      found.push({
        old: lines.slice(from, index + 1),
        both: same ? sides.ours : [...sides.ours, ...sides.theirs],
      });
      from = -1;
    } else sides[side].push(line);
  }
  return found;
}

/** One edit for each conflict; where two read alike, the whole file is written. */
function mergeCalls(path: string, lines: readonly string[]): PlannedCall[] {
  const conflicts = conflictsOf(lines);
  if (new Set(conflicts.map(({ old }) => old.join("\n"))).size === conflicts.length) {
    return conflicts.map(({ old, both }) => {
      // Nothing but markers and a line break: an empty text in its place would leave an empty line.
      const [before, after] =
        both.length > 0 ? [old.join("\n"), both.join("\n")] : [`${old.join("\n")}\n`, ""];
      return { name: "edit", input: { path, old: before, new: after } };
    });
  }
  const merged = conflicts.reduce(
    (text, { old, both }) =>
      text.replace(`${old.join("\n")}\n`, () => both.map((line) => `${line}\n`).join("")),
    `${lines.join("\n")}\n`,
  );
  return [write(path, merged)];
}
