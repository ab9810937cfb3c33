// The frames between the runner and the supervisor inside a container, over the container's stdin and stdout.
// A frame is: payload length (4 bytes), command id (4 bytes), type (1 byte), payload; numbers are big-endian.
// Invariant: a payload is at most 1 MiB, so neither side ever holds more of the other than it agreed to.

/** What the supervisor must be told, in so many words, before it takes a container for its own. */
export const SUPERVISE = "supervise";

export const HEADER_BYTES = 9;
export const MAX_PAYLOAD_BYTES = 1024 * 1024;
/** Output and input travel in pieces of this size. */
export const PIECE_BYTES = 64 * 1024;
/** How many bytes of input may be under way per command before the supervisor has acknowledged some. */
export const STDIN_WINDOW_BYTES = 256 * 1024;

/** Types from the runner are below 64, those from the supervisor above; the tunnel's: runner/network. */
export const FRAME = {
  exec: 1,
  stdin: 2,
  eof: 3,
  kill: 4,
  killAll: 5,
  ping: 6,
  tunnelOpened: 32,
  tunnelDataIn: 33,
  tunnelClosedByRunner: 34,
  tunnelTakenByRunner: 35,
  tunnelRefused: 36,
  hello: 64,
  out: 66,
  err: 67,
  exit: 68,
  stdinAck: 69,
  fail: 70,
  pong: 71,
  killed: 72,
  tunnelOpen: 96,
  tunnelDataOut: 97,
  tunnelClosedBySandbox: 98,
  tunnelTakenBySandbox: 99,
} as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  id: number;
  type: number;
  payload: Buffer;
}

/** Payload of `exec`. `argv[0]` is looked up on the PATH of `env`, `cwd` is absolute. */
export interface ExecOrder {
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
  maxOutputBytes: number;
  repository: boolean;
  /** Whether `stdin` frames follow, and an `eof`; without, the program reads an empty input. */
  input: boolean;
  /** What the program is offered whose connections the runner makes. */
  network: "registries" | "model" | null;
}

/** Payload of `exit`. */
export interface ExitReport {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  outOfMemory: "no" | "yes" | "possibly";
  droppedBytes: number;
  killed: boolean;
  leftovers: number;
  durationMs: number;
  userMs: number;
  systemMs: number;
  maxRssKb: number;
}

/** Payload of `fail`. `gone`: the container is of no further use. */
export interface FailReport {
  message: string;
  gone: boolean;
}

/** Encodes one frame. Throws a RangeError for a payload over the limit. */
export function encodeFrame(type: FrameType, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError("The payload of a frame is too large.");
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(id, 4);
  frame.writeUInt8(type, 8);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** Encodes a frame whose payload is JSON. */
export function encodeJson(type: FrameType, id: number, value: unknown): Buffer {
  return encodeFrame(type, id, Buffer.from(JSON.stringify(value), "utf8"));
}

/** Puts frames together from the pieces in which a stream delivers them. */
export class FrameReader {
  private pieces: Buffer[] = [];
  private held = 0;

  /** Takes a piece and returns the frames that it completes. Throws a RangeError for an impossible length. */
  push(piece: Buffer): Frame[] {
    this.pieces.push(piece);
    this.held += piece.length;
    const frames: Frame[] = [];
    for (let frame = this.next(); frame; frame = this.next()) frames.push(frame);
    return frames;
  }

  private next(): Frame | null {
    if (this.held < HEADER_BYTES) return null;
    const head = this.peek(HEADER_BYTES);
    const length = head.readUInt32BE(0);
    if (length > MAX_PAYLOAD_BYTES) throw new RangeError("A frame announces a payload that is too large.");
    if (this.held < HEADER_BYTES + length) return null;
    const whole = this.peek(HEADER_BYTES + length);
    this.drop(HEADER_BYTES + length);
    return { id: whole.readUInt32BE(4), type: whole.readUInt8(8), payload: whole.subarray(HEADER_BYTES) };
  }

  /** The first bytes as one buffer, joined only when they lie across pieces. */
  private peek(length: number): Buffer {
    const [first] = this.pieces;
    if (first && first.length >= length) return first.subarray(0, length);
    const joined = Buffer.concat(this.pieces, this.held);
    this.pieces = [joined];
    return joined.subarray(0, length);
  }

  private drop(length: number): void {
    const [first, ...rest] = this.pieces;
    this.held -= length;
    if (!first) return;
    this.pieces = first.length > length ? [first.subarray(length), ...rest] : rest;
  }
}
