// The supervisor: the only trusted program in a container. It takes orders from the runner over stdin and answers over
// stdout. Invariant: it never reads /work and runs nothing but children of the unprivileged user.
import { chmodSync } from "node:fs";
import { Socket } from "node:net";
import { ConnectProxy, type NetworkKind } from "../network/connect-proxy";
import { RELAYS, runRelay } from "../network/relay";
import { isTunnelFrame } from "../network/tunnel-wire";
import { ownMeter } from "../sandbox/cgroup-meter";
import { PATHS } from "../sandbox/port";
import { Command } from "./command";
import { ForkCounter } from "./fork-count";
import {
  type ExecOrder,
  encodeFrame,
  encodeJson,
  type FailReport,
  FRAME,
  type Frame,
  FrameReader,
  type FrameType,
  SUPERVISE,
} from "./frames";
import { killEverything, listProcesses } from "./processes";
import { StartError } from "./start";
import { UsageReader } from "./usage";

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
  private readonly proxies = new Map<number, ConnectProxy>();
  /** Frames for commands whose proxy is not there yet. */
  private readonly early = new Map<number, Frame[]>();
  private readonly usage = new UsageReader(ownMeter());
  private readonly forks = new ForkCounter();
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

  private obey(frame: Frame): void {
    const { id, type, payload } = frame;
    const early = this.early.get(id);
    if (early) {
      early.push(frame);
      return;
    }
    const command = this.commands.get(id);
    if (type === FRAME.exec) this.begin(id, JSON.parse(payload.toString("utf8")) as ExecOrder);
    else if (type === FRAME.stdin) command?.write(payload);
    else if (type === FRAME.eof) command?.end();
    else if (type === FRAME.kill) command?.kill("order");
    else if (type === FRAME.killAll) this.killAll();
    else if (type === FRAME.ping) this.send(FRAME.pong, id);
    else if (isTunnelFrame(type)) this.proxies.get(id)?.receive(type, payload);
  }

  private begin(id: number, order: ExecOrder): void {
    if (order.network) void this.beginWithProxy(id, order, order.network);
    else this.start(id, order);
  }

  private async beginWithProxy(id: number, order: ExecOrder, kind: NetworkKind): Promise<void> {
    const early: Frame[] = [];
    this.early.set(id, early);
    try {
      const proxy = await ConnectProxy.listen((type, payload) => this.send(type, id, payload), kind);
      this.proxies.set(id, proxy);
      this.start(id, { ...order, env: { ...order.env, ...proxy.env } });
    } catch (error) {
      this.fail(id, new StartError(`The proxy could not be started: ${(error as Error).message}`));
    }
    this.early.delete(id);
    for (const frame of early) this.obey(frame);
  }

  private start(id: number, order: ExecOrder): void {
    const host = {
      usage: this.usage,
      forks: this.forks,
      // A sweep may outlast its own command, so this must not be read from the number of commands alone.
      othersLive: () => this.commands.size > (this.commands.has(id) ? 1 : 0),
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
          this.forget(id);
          this.write(encodeJson(FRAME.exit, id, report));
        },
        (error: unknown) => this.fail(id, error),
      );
    } catch (error) {
      this.fail(id, error);
    }
  }

  private forget(id: number): void {
    this.commands.delete(id);
    this.proxies.get(id)?.close();
    this.proxies.delete(id);
  }

  private fail(id: number, error: unknown): void {
    this.forget(id);
    const message = error instanceof Error ? error.message : String(error);
    const report: FailReport = { message, gone: !(error instanceof StartError) };
    this.write(encodeJson(FRAME.fail, id, report));
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
    this.write(encodeFrame(type, id, payload));
  }

  /** Frames of one turn leave together: every write wakes the daemon's programs between here and the runner. */
  private write(frame: Buffer): void {
    if (this.output.writableCorked === 0) {
      this.output.cork();
      setImmediate(() => this.output.uncork());
    }
    this.output.write(frame);
  }

  private flushed(): Promise<void> {
    return new Promise((resolve) => this.output.once("drain", resolve));
  }
}

/** The runner is gone, let go of this container, or the connection broke: nothing may go on without it. */
function leave(): void {
  killEverything();
  // Sooner over than an orderly end, of which there is nothing to be had; the first process of all cannot do it.
  process.kill(process.pid, "SIGKILL");
  process.exit(0);
}

/**
 * Killing everything is this program's way to end, so it must never begin where anything but itself lives. A fresh
 * container of ours has nothing but its init and this; on a host, even as root, it ends here without touching anybody.
 */
function supervise(): void {
  const isFirst = process.pid === 1 || process.ppid === 1;
  if (!isFirst || listProcesses().length > 0) {
    process.stderr.write("The supervisor runs only in a fresh sandbox of its own.\n");
    process.exit(1);
  }
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error.message}\n`);
    leave();
  });
  new Supervisor();
}

// The same bundle serves a jail, where the relay is all that is needed of it: `relay FD PROGRAM ARGUMENT…`.
const [, role = "", fd, ...argv] = process.argv;
const relayed = RELAYS[role];
if (relayed) void runRelay(Number(fd), argv, relayed);
else if (role === SUPERVISE) supervise();
else process.exit(1);
