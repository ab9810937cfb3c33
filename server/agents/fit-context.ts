// Which part of a conversation the model is shown, so that question and answer stay within its window. A pure function
// of what is stored: what is left out moves in steps, ten turns at a time or down to a part of the window, so that the
// beginning of a question is the same from turn to turn and prompt caches hold.
import type { Message, ToolDefinition, ToolResult } from "../models/port";
import { droppedNote } from "./dropped-note";
import { masked, maskedCall, type Round, shownInFull } from "./mask-turn";

/** So many of the latest turns are shown in full at least, and up to a step more. */
const KEEP_TURNS = 10;
const MASK_STEP = 10;
/** What is left of the room after turns were left out: the smaller, the longer it lasts. */
const DOWN_TO = 0.6;
const NOTE_BYTES = 8_000;
/** Tokens beside what is counted, such as those between messages. */
const EXTRA_TOKENS = 100;
/** No tokenizer of text takes more bytes for a token; figures below are of another question. */
const MOST_BYTES_A_TOKEN = 8;

export interface Talk {
  system: string;
  tools: readonly ToolDefinition[];
  /** The first message with everything that was said before the first answer. */
  first: string;
  rounds: readonly Round[];
  /** Messages of people before turn `n`, for the note in the place of turns that are left out. */
  people: readonly { turn: number; text: string }[];
}

export interface Room {
  /** Tokens that question and answer may have together. */
  window: number;
  /** Tokens of these that are the answer's. */
  answer: number;
}

export interface Fitted {
  messages: Message[];
  /** Upper bound of the tokens of the question. */
  inputTokens: number;
  /** How many of the oldest turns are left out, and up to which they are shortened. */
  dropped: number;
  shortened: number;
  /** False when even the shortest form is larger than the room. */
  fits: boolean;
}

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const tokensOf = (bytes: number) => Math.ceil(bytes / 2) + EXTRA_TOKENS;

/** Up to which turn answers and observations are shortened when `count` turns are finished. */
export function shortenedUpTo(count: number): number {
  return Math.max(0, Math.floor((count - KEEP_TURNS) / MASK_STEP) * MASK_STEP);
}

/** The messages of the next question. */
export function fitContext(talk: Talk, room: Room): Fitted {
  const limit = room.window - Math.min(room.answer, Math.floor(room.window / 2));
  const sizes = new Sizes(talk, Math.min(NOTE_BYTES, limit / 5));
  const cut = { dropped: 0, shortened: 0 };
  let bound = sizes.tokens(0, cut);
  for (let k = 1; k <= talk.rounds.length; k++) {
    cut.shortened = Math.max(cut.shortened, shortenedUpTo(k));
    bound = sizes.bound(k, cut);
    if (bound > limit) bound = cutDown(sizes, k, cut, limit);
  }
  const { dropped, shortened } = cut;
  const note = dropped > 0 ? noteFor(talk, dropped, sizes.noteBytes) : "";
  const messages = render(talk, dropped, shortened, note);
  const exact = Math.min(bound, tokensOf(sizes.fixed + bytesOf(messages)));
  if (exact <= limit) return { messages, inputTokens: exact, dropped, shortened, fits: true };
  const squeezed = squeeze(messages, (limit - EXTRA_TOKENS) * 2 - sizes.fixed);
  const inputTokens = tokensOf(sizes.fixed + bytesOf(squeezed));
  return { messages: squeezed, inputTokens, dropped, shortened, fits: inputTokens <= limit };
}

interface Cut {
  /** Turns up to which nothing is shown, and up to which they are shortened; never less than for an earlier question. */
  dropped: number;
  shortened: number;
}

/** Shortens newer turns, then leaves out old ones, until there is room for the next few. @returns the tokens then */
function cutDown(sizes: Sizes, k: number, cut: Cut, limit: number): number {
  const tooLarge = () => sizes.tokens(k, cut) > limit * DOWN_TO;
  while (cut.shortened < k - 1 && tooLarge()) cut.shortened++;
  while (cut.dropped < cut.shortened && tooLarge()) cut.dropped++;
  return sizes.tokens(k, cut);
}

/** Sizes of every question that there was, from sums, so that a long conversation is gone through once. */
class Sizes {
  readonly fixed: number;
  private readonly first: number;
  /** Sums of the bytes of the rounds up to each, in full and shortened. */
  private readonly full = [0];
  private readonly short = [0];
  /** What a model thought, by turn; it is sent back with its last answer only. */
  private readonly thought = [0];

  constructor(
    private readonly talk: Talk,
    readonly noteBytes: number,
  ) {
    this.fixed = bytesOf([talk.system, talk.tools]);
    this.first = bytesOf([{ role: "user", text: talk.first }]);
    for (const round of talk.rounds) {
      const { raw, ...answer } = round.answer;
      this.thought.push(raw ? bytesOf(raw) : 0);
      this.full.push((this.full.at(-1) as number) + bytesOf(shownInFull({ ...round, answer })));
      this.short.push((this.short.at(-1) as number) + bytesOf(masked(round)));
    }
  }

  /** Upper bound of the tokens of the question after `k` turns, from its bytes alone. */
  tokens(k: number, { dropped, shortened }: Cut): number {
    const rounds = between(this.short, dropped, shortened) + between(this.full, shortened, k);
    const note = dropped > 0 ? this.noteBytes : 0;
    return tokensOf(this.fixed + this.first + note + rounds + (this.thought[k] as number));
  }

  /** The same, or what the question before took with what is new since, where that is less. */
  bound(k: number, cut: Cut): number {
    const byBytes = this.tokens(k, cut);
    const last = this.talk.rounds[k - 1] as Round;
    const { input, cacheRead, cacheWrite, output } = last.answer.usage;
    const asked = input + cacheRead + cacheWrite;
    const before = this.tokens(k - 1, { ...cut, shortened: Math.min(cut.shortened, k - 1) });
    if (asked * MOST_BYTES_A_TOKEN < (before - EXTRA_TOKENS) * 2) return byBytes;
    return Math.min(byBytes, asked + output + tokensOf(bytesOf([last.said, last.results])));
  }
}

const between = (sums: readonly number[], from: number, to: number) =>
  (sums[to] as number) - (sums[from] as number);

function noteFor({ rounds, people }: Talk, dropped: number, bytes: number): string {
  const [from, to] = [rounds[0]?.n ?? 1, rounds[dropped - 1]?.n ?? 0];
  // What was said before the first of them stands in the first message.
  const said = people.filter(({ turn }) => turn > from && turn <= to + 1);
  return droppedNote(
    rounds.slice(0, dropped),
    said.map(({ text }) => text),
    bytes,
  );
}

function render({ first, rounds }: Talk, dropped: number, shortened: number, note: string): Message[] {
  const messages: Message[] = [{ role: "user", text: note === "" ? first : `${first}\n${note}` }];
  for (const [index, round] of rounds.entries()) {
    if (index < dropped) continue;
    const [answer, user] = index < shortened ? masked(round) : shownInFull(round);
    if (index < rounds.length - 1) delete answer.raw;
    // The end of what does not change for the next turns.
    messages.push(answer, index + 1 === shortened ? { ...user, lasting: true } : user);
  }
  return messages;
}

const FIRST_SHARE = 0.5;
const LEFT_OUT = "[left out: there is no room for it]";

/** The last resort: one turn whose texts are cut until it fits into `bytes`. Pairs of calls and results stay pairs. */
function squeeze(messages: readonly Message[], bytes: number): Message[] {
  const [head, answer, user] = messages as [Message, Message | undefined, Message | undefined];
  const first = { role: "user" as const, text: cutTo(head.text, answer ? bytes * FIRST_SHARE : bytes - 100) };
  if (answer?.role !== "assistant" || user?.role !== "user") return [first];
  const left = bytes - bytesOf(first) - 400;
  const pairs = answer.calls.map((call) => {
    const result = user.results?.find((one) => one.callId === call.id);
    return {
      call: maskedCall(call),
      result: result ?? { callId: call.id, content: LEFT_OUT, isError: true },
    };
  });
  const least = pairs.map(({ call, result }) => bytesOf([call, { ...result, content: LEFT_OUT }]));
  const said = cutTo(user.text, left / 4);
  let room = left - bytesOf(said);
  const kept = pairs.filter((_, index) => {
    const size = least[index] as number;
    if (size > room) return false;
    room -= size;
    return true;
  });
  const share = kept.length > 0 ? (room * 0.8) / kept.length : 0;
  const results = kept.map(({ result }): ToolResult => {
    const content = cutTo(result.content, Math.max(share, bytesOf(LEFT_OUT)));
    return { ...result, content };
  });
  const text = cutTo(answer.text, room * 0.2);
  return [
    first,
    { role: "assistant", text, calls: kept.map(({ call }) => call) },
    { role: "user", text: said, results },
  ];
}

/** The beginning and the end of a text, in at most about `bytes` as JSON. */
function cutTo(text: string, bytes: number): string {
  if (bytesOf(text) <= bytes) return text;
  let chars = Math.max(0, Math.floor(bytes) - LEFT_OUT.length - 10);
  for (;;) {
    const tail = Math.floor(chars * 0.4);
    const cut =
      `${text.slice(0, chars - tail)}\n${LEFT_OUT}\n${tail > 0 ? text.slice(-tail) : ""}`.toWellFormed();
    if (bytesOf(cut) <= bytes) return cut;
    if (chars === 0) return LEFT_OUT;
    chars = Math.floor(chars * 0.7);
  }
}
