// The simulated fixer at a merge: it finds the conflict markers, reads the files, and keeps both sides of each conflict
// by exact edits. What is outside of the markers stays as it is.
import type { Conversation, PastCall } from "../conversation";
import { numberedLines } from "../listing";
import { finish, type PlannedAnswer, type PlannedCall } from "./answer";

const PATTERN = "^<{7}( |$)";
const FILES_A_TURN = 6;

/** Whether a failure is about a merge: the markers themselves, or a sentence about a conflict. */
export function isConflict(failure: string | null): boolean {
  return /<{7}|\bconflict markers?\b|^merge: /im.test(failure ?? "");
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
  const files = pathsOf(searched.result.content, talk).map((path) => readSoFar(talk.past, path));
  const reading = files.flatMap(({ path, next }) => (next === null ? [] : [range(path, next)]));
  if (reading.length > 0) {
    return { text: "Reading the files with conflicts.", calls: reading.slice(0, FILES_A_TURN) };
  }
  const edits = files.flatMap(({ path, lines }) => mergeCalls(path, lines));
  const made = (edit: PlannedCall) => talk.past.find(({ call }) => sameCall(call, edit));
  const refused = edits.filter((edit) => made(edit)?.result?.isError);
  const paths = (calls: PlannedCall[]) => [...new Set(calls.map((call) => String(call.input.path)))];
  const changed = paths(edits.filter((edit) => !refused.includes(edit)));
  const sentences = [
    changed.length > 0 ? `Merged ${changed.join(", ")}: both sides are kept.` : "No file was changed.",
    ...(refused.length > 0 ? [`${paths(refused).join(", ")} could not be merged by an exact edit.`] : []),
  ];
  return finish(
    edits.length > 0 ? "Keeping both sides." : "No file holds a conflict marker.",
    {
      summary: sentences.join(" ").slice(0, 2000),
      root_cause: "The base was changed in the same lines as this job, so the two did not fit together.",
      files_changed: changed,
    },
    edits.filter((edit) => made(edit) === undefined),
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

/** Lines from `from` to before `to`, markers and all, and what they become. */
interface Conflict {
  from: number;
  to: number;
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
      found.push({ from, to: index + 1, both: same ? sides.ours : [...sides.ours, ...sides.theirs] });
      from = -1;
    } else sides[side].push(line);
  }
  return found;
}

/** One edit for each conflict, with as much around it as makes it the only such place. */
function mergeCalls(path: string, lines: readonly string[]): PlannedCall[] {
  const text = `${lines.join("\n")}\n`;
  const conflicts = conflictsOf(lines);
  return conflicts.map(({ from, to, both }, index) => {
    const lowest = conflicts[index - 1]?.to ?? 0;
    const highest = conflicts[index + 1]?.from ?? lines.length;
    let [start, end] = [from, to];
    const old = () => lines.slice(start, end).join("\n");
    while (text.indexOf(old()) !== text.lastIndexOf(old()) && (start > lowest || end < highest)) {
      if (start > lowest) start -= 1;
      else end += 1;
    }
    const fresh = [...lines.slice(start, from), ...both, ...lines.slice(to, end)];
    // The last line break of a file may be missing, so it is left alone unless nothing stays before it.
    const gone = fresh.length === 0;
    const input = { old: gone ? `${old()}\n` : old(), new: fresh.join("\n") };
    return { name: "edit", input: { path, ...input } };
  });
}
