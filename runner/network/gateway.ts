// The runner's end of the tunnel, one for each command that may reach registries: checks, connects, counts.
// Invariant: what the sandbox sends is never trusted: a connection is opened only to a target that was checked here,
// and at most so many, for at most so many bytes.
import { connect, type Socket } from "node:net";
import { FRAME } from "../supervisor/frames";
import {
  type CheckedTarget,
  checkTarget,
  type RegistryAccess,
  type ResolveName,
  resolveName,
  TunnelRefusal,
} from "./registry-access";
import { type TunnelPeer, TunnelStream } from "./tunnel-stream";
import {
  deliver,
  peerOver,
  type RefusalBody,
  RUNNER_SENDS,
  readTunnelPayload,
  SANDBOX_SENDS,
  type SendFrame,
  tunnelPayload,
} from "./tunnel-wire";

const CONNECT_MS = 15_000;
const MAX_TARGET_BYTES = 300;
const MAX_NOTED = 20;

/** What a command did with the network. */
export interface NetworkReport {
  connections: number;
  /** Bytes from the registries and to them. */
  bytesIn: number;
  bytesOut: number;
  /** Whether the cap on bytes cut its connections. */
  capped: boolean;
  /** The first different refusals, as sentences. Names in them were chosen by the program. */
  refused: string[];
}

/** What one command may ask of a model, in bytes both ways, and over how many connections at a time. */
const DOOR_BYTES = 8 * 1024 * 1024 * 1024;
const DOOR_CONNECTIONS = 32;

/** A gateway to one door only. */
export function doorOptions(door: () => Socket): GatewayOptions {
  return {
    access: { hosts: [], mirrors: [], maxBytes: DOOR_BYTES, maxConnections: DOOR_CONNECTIONS },
    door,
  };
}

export interface GatewayOptions {
  access: RegistryAccess;
  /** The one place that every connection leads to, whatever the sandbox names; then no registry can be reached. */
  door?: () => Socket;
  /** Tests name the addresses and the sockets that stand behind them. */
  resolve?: ResolveName;
  open?: (address: string, port: number) => Socket;
}

interface Connection {
  stream: TunnelStream | null;
  /** Ends the attempt to connect. */
  abandon: AbortController;
}

/** The connections of one command. */
export class TunnelGateway {
  private readonly connections = new Map<number, Connection>();
  private readonly refused = new Set<string>();
  private readonly counts = { connections: 0, bytesIn: 0, bytesOut: 0, capped: false };
  private closed = false;
  private send: SendFrame = () => {};

  constructor(private readonly options: GatewayOptions) {}

  /** Names the way to the sandbox's end. Called once, before anything is received. */
  attach(send: SendFrame): void {
    this.send = send;
  }

  /** Takes a frame of the sandbox's end. Throws a RangeError for one that no end of ours sends. */
  receive(type: number, payload: Buffer): void {
    if (this.closed) return;
    const { connection: number, body } = readTunnelPayload(payload);
    if (type === FRAME.tunnelOpen) {
      void this.open(number, body.subarray(0, MAX_TARGET_BYTES).toString("latin1"));
      return;
    }
    const connection = this.connections.get(number);
    // Messages about a connection that has just ended may still be on their way.
    if (!connection) return;
    const { stream } = connection;
    if (stream) deliver(SANDBOX_SENDS, type, body, this.counted(stream));
    else if (type === SANDBOX_SENDS.closed) connection.abandon.abort();
    else throw new RangeError("The sandbox sends over a connection that is not open.");
  }

  /** Cuts every connection. Nothing is sent any more. Idempotent. */
  close(): void {
    this.closed = true;
    for (const connection of this.connections.values()) end(connection);
  }

  report(): NetworkReport {
    return { ...this.counts, refused: [...this.refused] };
  }

  private async open(number: number, target: string): Promise<void> {
    const connection: Connection = { stream: null, abandon: new AbortController() };
    try {
      if (this.connections.has(number)) throw new TunnelRefusal(400, "The connection's number is taken.");
      this.refuseBeyondCaps();
      this.connections.set(number, connection);
      const socket = await this.reach(target, connection.abandon.signal);
      if (this.closed || connection.abandon.signal.aborted) {
        socket.destroy();
        this.connections.delete(number);
        return;
      }
      this.counts.connections += 1;
      this.tell(FRAME.tunnelOpened, tunnelPayload(number));
      const gone = () => void this.connections.delete(number);
      connection.stream = new TunnelStream(socket, this.countingPeer(number), gone);
    } catch (error) {
      if (this.connections.get(number) === connection) this.connections.delete(number);
      this.refuse(number, error);
    }
  }

  private refuseBeyondCaps(): void {
    const { maxConnections } = this.options.access;
    if (this.counts.capped) throw new TunnelRefusal(403, "The command has used up its network traffic.");
    if (this.connections.size >= maxConnections) {
      throw new TunnelRefusal(503, `More than ${maxConnections} connections at a time are not allowed.`);
    }
  }

  private refuse(number: number, error: unknown): void {
    const status = error instanceof TunnelRefusal ? error.status : 502;
    const message = error instanceof Error ? error.message : String(error);
    if (this.refused.size < MAX_NOTED) this.refused.add(message);
    const body: RefusalBody = { status, message };
    this.tell(FRAME.tunnelRefused, tunnelPayload(number, Buffer.from(JSON.stringify(body), "utf8")));
  }

  private async reach(target: string, signal: AbortSignal): Promise<Socket> {
    const { access, door, resolve = resolveName } = this.options;
    if (!door) return this.connectToAny(await checkTarget(access, target, resolve), signal);
    const socket = door();
    if (await isConnected(socket, signal)) return socket;
    socket.destroy();
    throw new TunnelRefusal(502, "The model cannot be reached.");
  }

  /** Tries the checked addresses in their order; a name is never resolved a second time. */
  private async connectToAny(target: CheckedTarget, signal: AbortSignal): Promise<Socket> {
    const open = this.options.open ?? connectTo;
    for (const address of target.addresses) {
      const socket = open(address, target.port);
      if (await isConnected(socket, signal)) return socket;
      socket.destroy();
      if (signal.aborted) break;
    }
    throw new TunnelRefusal(502, "The registry could not be reached.");
  }

  private countingPeer(number: number): TunnelPeer {
    const peer = peerOver((type, payload) => this.tell(type, payload), RUNNER_SENDS, number);
    return { ...peer, data: (bytes) => this.count("bytesIn", bytes) && peer.data(bytes) };
  }

  private counted(stream: TunnelStream) {
    return {
      write: (data: Buffer) => void (this.count("bytesOut", data) && stream.write(data)),
      taken: (count: number) => stream.taken(count),
      close: (broken: boolean) => stream.close(broken),
    };
  }

  /** Returns false, and cuts everything, once the command has moved more bytes than it may. */
  private count(direction: "bytesIn" | "bytesOut", data: Buffer): boolean {
    this.counts[direction] += data.length;
    if (this.counts.bytesIn + this.counts.bytesOut <= this.options.access.maxBytes) return true;
    this.counts.capped = true;
    for (const connection of this.connections.values()) end(connection);
    return false;
  }

  private tell: SendFrame = (type, payload) => {
    if (!this.closed) this.send(type, payload);
  };
}

function end(connection: Connection): void {
  connection.abandon.abort();
  connection.stream?.destroy();
}

function connectTo(address: string, port: number): Socket {
  return connect({ host: address, port, allowHalfOpen: true, noDelay: true });
}

function isConnected(socket: Socket, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (connected: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", failed);
      socket.removeListener("error", failed);
      socket.removeListener("connect", succeeded);
      // Nobody may be listening between this and the stream's first look.
      socket.on("error", () => {});
      resolve(connected);
    };
    const failed = () => settle(false);
    const succeeded = () => settle(true);
    const timer = setTimeout(failed, CONNECT_MS);
    signal.addEventListener("abort", failed, { once: true });
    socket.once("error", failed);
    socket.once("connect", succeeded);
    if (signal.aborted) failed();
  });
}
