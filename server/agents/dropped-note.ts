// What stands in the place of turns that are no longer shown: what they changed and ran, and every word of a person as
// far as there is room. Made of the stored turns alone, so that the same turns always give the same note.
import type { Round } from "./mask-turn";

const FILES = 80;
const COMMANDS = 15;
const COMMAND_CHARS = 160;
/** Share of the note that people's messages may take. */
const FOR_PEOPLE = 0.6;
/** Of these, what one message may take; the rest of a longer one is left out. */
const LONGEST = 0.2;

/**
 * The block that is put behind a first message.
 * @param people messages of persons among the turns left out, oldest first
 * @param maxBytes of the block in UTF-8, as JSON
 */
export function droppedNote(rounds: readonly Round[], people: readonly string[], maxBytes: number): string {
  const last = rounds.at(-1)?.n ?? 0;
  const head = `Turns 1 to ${last} of your work are left out here. Their changes are in the workspace.`;
  const said = newestThatFit(
    people.map((text) => `A person said: ${text.slice(0, maxBytes * LONGEST)}`.toWellFormed()),
    maxBytes * FOR_PEOPLE,
  );
  const files = written(rounds);
  const facts = [
    ...(files.length > 0 ? [`Files written or edited: ${files.join(", ")}`] : []),
    ...commandsOf(rounds),
  ];
  const fitted = newestThatFit(facts, maxBytes - bytesOf([head, ...said]) - 200);
  const body = [head, ...said, ...fitted].join("\n").replaceAll("</earlier>", "<\\/earlier>");
  return `<earlier>${body}</earlier>`;
}

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/** The newest of some lines that fit into `bytes`, in their order, and how many did not. */
function newestThatFit(lines: readonly string[], bytes: number): string[] {
  const kept: string[] = [];
  let left = bytes - 60;
  for (const line of [...lines].reverse()) {
    const size = bytesOf(line) + 1;
    if (size > left) break;
    kept.unshift(line);
    left -= size;
  }
  const missing = lines.length - kept.length;
  return missing > 0 ? [`[${missing} earlier lines of this left out]`, ...kept] : kept;
}

function written(rounds: readonly Round[]): string[] {
  const paths = new Set<string>();
  for (const { answer, results } of rounds) {
    for (const { id, name, input } of answer.calls) {
      const path = (input as { path?: unknown } | null)?.path;
      if ((name !== "write" && name !== "edit") || typeof path !== "string" || path.length > 300) continue;
      if (results.some((result) => result.callId === id && !result.isError)) {
        paths.delete(path);
        paths.add(path);
      }
    }
  }
  const all = [...paths];
  const shown = all.slice(-FILES);
  return all.length > shown.length ? [`${all.length - shown.length} others`, ...shown] : shown;
}

function commandsOf(rounds: readonly Round[]): string[] {
  const lines: string[] = [];
  for (const { answer, results } of rounds.slice(-COMMANDS * 2)) {
    for (const { id, name, input } of answer.calls) {
      const command = (input as { command?: unknown } | null)?.command;
      if (name !== "run" || typeof command !== "string") continue;
      const [came = ""] = results.find((result) => result.callId === id)?.content.split("\n", 1) ?? [];
      lines.push(`Ran ${command.replace(/\s+/g, " ").slice(0, COMMAND_CHARS)}: ${came.slice(0, 60)}`);
    }
  }
  return lines.slice(-COMMANDS).map((line) => line.toWellFormed());
}
