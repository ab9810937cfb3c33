// A recorded transcript as a provider: every question gets the answer that was given when it was recorded, by agent run
// and turn. A question that is not the recorded one is refused with what differs, so that a test says what has changed.
import { TRANSCRIPT_VERSION, type TranscriptLine, transcriptLine } from "../domain/transcripts";
import { type Message, type ModelAnswer, ModelError, type ModelProvider, type ModelRequest } from "./port";

type AgentRunLine = Extract<TranscriptLine, { type: "agent_run" }>;
type TurnLine = Extract<TranscriptLine, { type: "turn" }>;

export interface Recording {
  agentRuns: AgentRunLine[];
  turns: TurnLine[];
}

/**
 * Reads an export of JSON lines.
 * @throws Error naming the line that is no line of a transcript, or saying that the end is missing
 */
export function readTranscript(text: string): Recording {
  const lines = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(readLine);
  if (lines[0]?.type !== "transcript") throw new Error("This is no transcript: its first line is missing.");
  if (lines.at(-1)?.type !== "end") throw new Error("The transcript was cut off: its last line is missing.");
  return {
    agentRuns: lines.filter((line) => line.type === "agent_run"),
    turns: lines.filter((line) => line.type === "turn"),
  };
}

function readLine(line: string, index: number): TranscriptLine {
  const where = `Line ${index + 1} of the transcript`;
  let value: { v?: unknown };
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`${where} is not JSON.`);
  }
  if (value?.v !== TRANSCRIPT_VERSION) throw new Error(`${where} is not of version ${TRANSCRIPT_VERSION}.`);
  const parsed = transcriptLine.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`${where} cannot be read: ${issue?.path.join(".")}: ${issue?.message}`);
}

export interface ReplayOptions {
  /** The provider in whose place it answers. */
  name: ModelProvider["name"];
  /** Which run of the recorded job. */
  run?: number;
}

/** A provider that answers as it was recorded, at no cost but what the recording says. */
export function createReplay(recording: Recording, { name, run = 1 }: ReplayOptions): ModelProvider {
  return {
    name,
    ask: async (request) => answer(recording, run, request),
    check: async () => ({ ok: true, detail: "Answers are read from a recording." }),
  };
}

function answer(recording: Recording, run: number, request: ModelRequest): ModelAnswer {
  if (!request.about) throw differs("a question", "it does not say which turn it is of");
  const { agentRun, turn: n } = request.about;
  const where = `${agentRun}, turn ${n}`;
  const begun = recording.agentRuns.find((one) => one.agent_run === agentRun && one.run === run);
  if (!begun) throw differs(where, `run ${run} of the recording has no such agent run`);
  const turns = recording.turns.filter((one) => one.agent_run === agentRun && one.run === run);
  const turn = turns.find((one) => one.turn === n);
  if (!turn) throw differs(where, `the recording ends after turn ${turns.at(-1)?.turn ?? 0}`);
  if (turn.expired) throw differs(where, "the texts of the recording were removed");
  if (begun.role !== request.role) throw differs(where, `the role is ${request.role}, not ${begun.role}`);
  compareFirst(where, begun, request.messages);
  compareResults(
    where,
    turns.find((one) => one.turn === n - 1),
    request.messages,
  );
  const { text, calls, stop, usage, model } = turn;
  return {
    text,
    calls: calls.map(({ id, tool, input }) => ({ id, name: tool, input })),
    stop: stop as ModelAnswer["stop"],
    usage: {
      input: usage.input,
      output: usage.output,
      cacheRead: usage.cache_read,
      cacheWrite: usage.cache_write,
    },
    model,
  };
}

const differs = (where: string, what: string) =>
  new ModelError("invalid", `The recording does not fit at ${where}: ${what}.`);

/** What was said later, and notes in the place of old turns, stand behind the recorded beginning. */
function compareFirst(where: string, { prompt }: AgentRunLine, messages: readonly Message[]): void {
  const now = messages[0]?.text ?? "";
  if (!prompt || now.startsWith(prompt.first)) return;
  throw differs(where, `the first message differs ${firstDifference(prompt.first, now)}`);
}

function compareResults(where: string, before: TurnLine | undefined, messages: readonly Message[]): void {
  const last = messages.at(-1);
  if (!before || last?.role !== "user") return;
  for (const recorded of before.results) {
    const call = before.calls.find((one) => one.id === recorded.id)?.tool ?? "a call";
    const now = last.results?.find((result) => result.callId === recorded.id);
    if (!now) throw differs(where, `the result of ${call} is missing`);
    if (now.isError === recorded.ok)
      throw differs(where, `${call} ${now.isError ? "failed" : "did not fail"} this time`);
    const [was, is] = [withoutTimes(recorded.content), withoutTimes(now.content)];
    if (was !== is) throw differs(where, `the result of ${call} differs ${firstDifference(was, is)}`);
  }
}

/** Times of programs are another each time. */
const withoutTimes = (text: string) =>
  text.replace(/\b\d+(?:\.\d+)?\s?(?:ms|s|seconds?)\b/g, "#s").replace(/(duration_ms\D{0,3})[\d.]+/g, "$1#");

function firstDifference(was: string, is: string): string {
  const [before, after] = [was.split("\n"), is.split("\n")];
  const at = before.findIndex((line, n) => line !== after[n]);
  const line = at < 0 ? before.length : at;
  const shown = (text: string | undefined) =>
    text === undefined ? "nothing" : JSON.stringify(text.slice(0, 120));
  return `in line ${line + 1}: ${shown(before[line])} was recorded, ${shown(after[line])} came`;
}
