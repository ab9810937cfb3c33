// The supervisor: the only trusted program in a container. It takes orders from the runner over stdin and answers over
// stdout. Invariant: it never reads /work and runs nothing but children of the unprivileged user.
import { chmodSync } from "node:fs";
import { Socket } from "node:net";
import { type CgroupMeter, ownMeter } from "../sandbox/cgroup-meter";
import { PATHS } from "../sandbox/port";
import { Command, StartError } from "./command";
import {
  type ExecOrder,
  encodeFrame,
  encodeJson,
  type FailReport,
  FRAME,
  type Frame,
  FrameReader,
  type FrameType,
} from "./frames";
import { killEverything } from "./processes";

/** The runner sends a ping every few seconds; after this much silence it is taken for dead. */
const SILENCE_MS = 90_000;
/** The group that may enter /git; ordinary commands get a tag from the range below it. */
const GIT_GID = 65_533;
const FIRST_TAG = 10_000;
const LAST_TAG = 60_000;

class Supervisor {
  private readonly input = new Socket({ fd: 0, readable: true, writable: false });
  private readonly output = new Socket({ fd: 1, readable: false, writable: true });
  private readonly reader = new FrameReader();
  private readonly commands = new Map<number, Command>();
  private readonly meter: CgroupMeter | null = ownMeter();
  private tag = FIRST_TAG;
  private silence: NodeJS.Timeout;

  constructor() {
    this.silence = setTimeout(leave, SILENCE_MS);
    this.input.on("data", (data) => this.receive(data));
    for (const event of ["end", "error", "close"]) this.input.on(event, leave);
    for (const event of ["error", "close"]) this.output.on(event, leave);
    // Some runtimes give a tmpfs the rights of the folder below it, whatever was asked for.
    chmodSync(PATHS.git, 0o770);
    this.send(FRAME.hello, 0);
  }

  private receive(data: Buffer): void {
    this.silence.refresh();
    for (const frame of this.reader.push(data)) this.obey(frame);
  }

  private obey({ id, type, payload }: Frame): void {
    const command = this.commands.get(id);
    if (type === FRAME.exec) this.start(id, JSON.parse(payload.toString("utf8")) as ExecOrder);
    else if (type === FRAME.stdin) command?.write(payload);
    else if (type === FRAME.eof) command?.end();
    else if (type === FRAME.kill) command?.kill("order");
    else if (type === FRAME.killAll) this.killAll();
    else if (type === FRAME.ping) this.send(FRAME.pong, id);
  }

  private start(id: number, order: ExecOrder): void {
    const host = {
      meter: this.meter,
      // A sweep may outlast its own command, so this must not be read from the number of commands alone.
      othersLive: () => [...this.commands.keys()].some((other) => other !== id),
      send: (type: FrameType, payload: Uint8Array) => this.send(type, id, payload),
      congested: () => this.output.writableNeedDrain,
      flushed: () => this.flushed(),
    };
    try {
      const command = new Command(host, order, order.repository ? GIT_GID : this.nextTag());
      this.commands.set(id, command);
      if (this.commands.size > 1) for (const each of this.commands.values()) each.markShared();
      command.done.then(
        (report) => {
          this.commands.delete(id);
          this.output.write(encodeJson(FRAME.exit, id, report));
        },
        (error: unknown) => this.fail(id, error),
      );
    } catch (error) {
      this.fail(id, error);
    }
  }

  private fail(id: number, error: unknown): void {
    this.commands.delete(id);
    const message = error instanceof Error ? error.message : String(error);
    const report: FailReport = { message, gone: !(error instanceof StartError) };
    this.output.write(encodeJson(FRAME.fail, id, report));
  }

  private killAll(): void {
    for (const command of this.commands.values()) command.kill("order");
    killEverything();
    this.send(FRAME.killed, 0);
  }

  private nextTag(): number {
    this.tag = this.tag >= LAST_TAG ? FIRST_TAG : this.tag + 1;
    return this.tag;
  }

  private send(type: FrameType, id: number, payload?: Uint8Array): void {
    this.output.write(encodeFrame(type, id, payload));
  }

  private flushed(): Promise<void> {
    return new Promise((resolve) => this.output.once("drain", resolve));
  }
}

/** The runner is gone or the connection broke: nothing may go on without it. */
function leave(): void {
  killEverything();
  process.exit(0);
}

process.on("uncaughtException", (error) => {
  process.stderr.write(`${error.message}\n`);
  leave();
});
new Supervisor();
