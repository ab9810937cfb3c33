// The runner's end of the stream to one supervisor: numbers commands, windows their input, routes what comes back.
// Invariant: every command that was started is settled: by its report, by a failure, or by the end of the stream.
import type { Duplex } from "node:stream";
import type { TunnelGateway } from "../network/gateway";
import { isTunnelFrame } from "../network/tunnel-wire";
import {
  type ExecOrder,
  type ExitReport,
  encodeFrame,
  type FailReport,
  FRAME,
  type Frame,
  FrameReader,
  MAX_PAYLOAD_BYTES,
  PIECE_BYTES,
  STDIN_WINDOW_BYTES,
} from "../supervisor/frames";
import { type OnOutput, RequestError, SandboxError } from "./port";

const PING_MS = 10_000;
/** A supervisor that does not report this long after a command's deadline is given up. */
const REPORT_GRACE_MS = 15_000;
const DOCKER_HEADER_BYTES = 8;
const DOCKER_STDOUT = 1;

interface Pending {
  onOutput: OnOutput;
  input: Uint8Array;
  sent: number;
  acknowledged: number;
  resolve(report: ExitReport): void;
  answered?(): void;
  gateway?: TunnelGateway | null;
  reject(error: Error): void;
}

/** Takes Docker's own framing off: every piece of a container's output has a header with stream and length. */
export class DockerDemultiplexer {
  private rest: Buffer = Buffer.alloc(0);

  /** Returns the standard output among the bytes; the standard error goes to `onError`. */
  push(data: Buffer, onError: (text: Buffer) => void): Buffer[] {
    let at = this.rest.length > 0 ? Buffer.concat([this.rest, data]) : data;
    const output: Buffer[] = [];
    while (at.length >= DOCKER_HEADER_BYTES) {
      const end = DOCKER_HEADER_BYTES + at.readUInt32BE(4);
      if (at.length < end) break;
      const piece = at.subarray(DOCKER_HEADER_BYTES, end);
      if (at[0] === DOCKER_STDOUT) output.push(piece);
      else onError(piece);
      at = at.subarray(end);
    }
    this.rest = at;
    return output;
  }
}

/** One live connection. */
export class SupervisorConnection {
  private readonly reader = new FrameReader();
  private readonly demultiplexer = new DockerDemultiplexer();
  private readonly pending = new Map<number, Pending>();
  private readonly pings: NodeJS.Timeout;
  private lastId = 0;
  private errorText = "";
  private closed: SandboxError | null = null;
  private greet: () => void = () => {};
  /** Resolves with the supervisor's greeting, rejects when the container ends before it. */
  readonly ready: Promise<void>;

  constructor(private readonly stream: Duplex) {
    this.ready = new Promise((resolve, reject) => {
      this.greet = resolve;
      this.pending.set(0, { ...nobody(), reject });
    });
    this.ready.catch(() => {});
    stream.on("data", (data: Buffer) => this.receive(data));
    stream.on("error", (error) => this.close(`The connection to the container broke: ${error.message}`));
    for (const event of ["end", "close"]) stream.on(event, () => this.close("The container ended."));
    this.pings = setInterval(() => stream.write(encodeFrame(FRAME.ping, 0)), PING_MS);
    this.pings.unref();
  }

  /**
   * Runs a command to its report. `gateway` is the runner's end of its network and closed with it; `signal` kills it.
   * Throws RequestError when it is too large, SandboxError when the container fails.
   */
  async exec(
    order: ExecOrder,
    input: Uint8Array,
    onOutput: OnOutput,
    gateway: TunnelGateway | null = null,
    signal?: AbortSignal,
  ): Promise<ExitReport> {
    if (this.closed) throw this.closed;
    const payload = Buffer.from(JSON.stringify(order), "utf8");
    if (payload.length > MAX_PAYLOAD_BYTES)
      throw new RequestError("The arguments of the command are too long.");
    this.lastId += 1;
    const id = this.lastId;
    gateway?.attach((type, body) => this.stream.write(encodeFrame(type, id, body)));
    const report = new Promise<ExitReport>((resolve, reject) => {
      this.pending.set(id, { onOutput, input, sent: 0, acknowledged: 0, gateway, resolve, reject });
    });
    const silence = setTimeout(
      () => this.close("The supervisor in the container does not answer."),
      order.timeoutMs + REPORT_GRACE_MS,
    );
    const kill = () => this.stream.write(encodeFrame(FRAME.kill, id));
    try {
      this.stream.write(encodeFrame(FRAME.exec, id, payload));
      signal?.addEventListener("abort", kill, { once: true });
      if (signal?.aborted) kill();
      if (order.input) this.pump(id);
      return await report;
    } finally {
      clearTimeout(silence);
      signal?.removeEventListener("abort", kill);
      gateway?.close();
      this.pending.delete(id);
    }
  }

  /** Asks for a sign of life. Throws SandboxError when none comes within `withinMs`; the connection is then closed. */
  async ping(withinMs: number): Promise<void> {
    if (this.closed) throw this.closed;
    this.lastId += 1;
    const id = this.lastId;
    const silence = setTimeout(
      () => this.close("The supervisor in the container does not answer."),
      withinMs,
    );
    try {
      await new Promise<void>((resolve, reject) => {
        this.pending.set(id, { ...nobody(), answered: resolve, reject });
        this.stream.write(encodeFrame(FRAME.ping, id));
      });
    } finally {
      clearTimeout(silence);
      this.pending.delete(id);
    }
  }

  /** Ends every command with an error. Idempotent. */
  close(reason: string): void {
    if (this.closed) return;
    clearInterval(this.pings);
    const detail = this.errorText.trim().slice(0, 500);
    this.closed = new SandboxError(detail ? `${reason} ${detail}` : reason, true);
    for (const command of this.pending.values()) command.reject(this.closed);
    this.stream.destroy();
  }

  private receive(data: Buffer): void {
    try {
      const pieces = this.demultiplexer.push(data, (text) => {
        if (this.errorText.length < 2_000) this.errorText += text.toString("utf8");
      });
      for (const piece of pieces) for (const frame of this.reader.push(piece)) this.route(frame);
    } catch (error) {
      this.close(`The container sent something that is no frame: ${(error as Error).message}`);
    }
  }

  private route({ id, type, payload }: Frame): void {
    if (type === FRAME.hello) {
      this.pending.delete(0);
      this.greet();
    }
    const command = this.pending.get(id);
    if (!command) return;
    if (type === FRAME.out) command.onOutput("stdout", payload);
    else if (type === FRAME.err) command.onOutput("stderr", payload);
    else if (type === FRAME.exit) command.resolve(JSON.parse(payload.toString("utf8")) as ExitReport);
    else if (type === FRAME.fail) command.reject(failure(payload));
    else if (type === FRAME.pong) command.answered?.();
    else if (type === FRAME.stdinAck) {
      command.acknowledged += payload.readUInt32BE(0);
      this.pump(id);
    } else if (isTunnelFrame(type)) command.gateway?.receive(type, payload);
  }

  /** Sends as much input as the window allows, and the end of it after the last piece. */
  private pump(id: number): void {
    const command = this.pending.get(id);
    if (!command || command.sent > command.input.length) return;
    while (command.sent < command.input.length && command.sent - command.acknowledged < STDIN_WINDOW_BYTES) {
      const piece = command.input.subarray(command.sent, command.sent + PIECE_BYTES);
      this.stream.write(encodeFrame(FRAME.stdin, id, piece));
      command.sent += piece.length;
    }
    if (command.sent === command.input.length) {
      this.stream.write(encodeFrame(FRAME.eof, id));
      command.sent += 1;
    }
  }
}

function failure(payload: Buffer): SandboxError {
  const { message, gone } = JSON.parse(payload.toString("utf8")) as FailReport;
  return new SandboxError(message, gone);
}

function nobody(): Pending {
  const ignore = () => {};
  return {
    onOutput: ignore,
    input: new Uint8Array(),
    sent: 0,
    acknowledged: 0,
    resolve: ignore,
    reject: ignore,
  };
}
