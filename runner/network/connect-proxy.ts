// The sandbox's end of the tunnel: an HTTP proxy on the loopback interface that knows only CONNECT and passes every
// connection to the runner, which decides. Run by the supervisor in a container and by the relay in a jail.
import type { Server } from "node:http";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FRAME } from "../supervisor/frames";
import { TunnelStream } from "./tunnel-stream";
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

/** Sockets beyond are closed at once. Somewhat more than the runner allows, so that its reason is heard. */
const MAX_SOCKETS = 96;
const HEADER_MS = 15_000;
const HERE = "127.0.0.1";

interface Connection {
  socket: Socket;
  stream: TunnelStream | null;
}

/** `registries`: a proxy that knows only CONNECT. `model`: every connection leads to the runner's one door. */
export type NetworkKind = "registries" | "model";

/** What a program finds in its environment as the key of its model; the real one never comes into a sandbox. */
const NO_KEY = "the-factory-has-it";

/** A proxy for the time of one command. */
export class ConnectProxy {
  private readonly connections = new Map<number, Connection>();
  private lastNumber = 0;
  /** The variables by which programs find the proxy. */
  readonly env: Record<string, string>;

  private constructor(
    private readonly server: Listening,
    private readonly send: SendFrame,
    private readonly kind: NetworkKind,
  ) {
    const { port } = server.address() as AddressInfo;
    this.env = kind === "model" ? modelVariables(port) : variables(port);
    server.maxConnections = MAX_SOCKETS;
  }

  /** Begins to listen on a free port. */
  static async listen(send: SendFrame, kind: NetworkKind = "registries"): Promise<ConnectProxy> {
    let proxy: ConnectProxy | null = null;
    const open = (target: string, socket: Duplex, head: Buffer) => proxy?.open(target, socket, head);
    const server = kind === "model" ? await modelServer(open) : await proxyServer(open);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: HERE, port: 0 }, resolve);
    });
    proxy = new ConnectProxy(server, send, kind);
    return proxy;
  }

  /** Takes a frame of the runner's end. */
  receive(type: number, payload: Buffer): void {
    const { connection: number, body } = readTunnelPayload(payload);
    const connection = this.connections.get(number);
    if (!connection) return;
    if (type === FRAME.tunnelOpened) this.opened(number, connection);
    else if (type === FRAME.tunnelRefused) this.refused(number, connection, body);
    else if (connection.stream) deliver(RUNNER_SENDS, type, body, connection.stream);
  }

  /** Cuts every connection and stops listening. */
  close(): void {
    this.server.close();
    this.server.closeAllConnections?.();
    for (const { socket } of this.connections.values()) socket.destroy();
  }

  private open(target: string, duplex: Duplex, head: Buffer): void {
    // A server without TLS hands out plain sockets.
    const socket = duplex as Socket;
    this.lastNumber += 1;
    const number = this.lastNumber;
    const connection: Connection = { socket, stream: null };
    this.connections.set(number, connection);
    socket.on("error", () => {});
    socket.once("close", () => {
      this.connections.delete(number);
      if (!connection.stream) this.send(SANDBOX_SENDS.closed, tunnelPayload(number, Buffer.of(1)));
    });
    if (head.length > 0) socket.unshift(head);
    this.send(FRAME.tunnelOpen, tunnelPayload(number, Buffer.from(target, "latin1").subarray(0, 1_000)));
  }

  private opened(number: number, connection: Connection): void {
    const { socket } = connection;
    if (this.kind === "registries") socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    connection.stream = new TunnelStream(socket, peerOver(this.send, SANDBOX_SENDS, number), () => {});
    // A plain server's socket has waited for this.
    socket.resume();
  }

  private refused(number: number, { socket }: Connection, body: Buffer): void {
    this.connections.delete(number);
    const { status, message } = JSON.parse(body.toString("utf8")) as RefusalBody;
    const text = `${message}\n`;
    const lines = [
      `HTTP/1.1 ${status} Refused`,
      "content-type: text/plain; charset=utf-8",
      `content-length: ${Buffer.byteLength(text)}`,
      "connection: close",
    ];
    socket.removeAllListeners("close");
    socket.resume();
    socket.end(`${lines.join("\r\n")}\r\n\r\n${text}`, () => socket.destroy());
  }
}

/** A server of either kind; a plain one has no connections that it would have to end. */
type Listening = NetServer & Partial<Pick<Server, "closeAllConnections">>;
type Open = (target: string, socket: Duplex, head: Buffer) => void;

async function proxyServer(open: Open): Promise<Listening> {
  // Loaded only now, because few commands need it.
  const { createServer } = await import("node:http");
  const server = createServer({ headersTimeout: HEADER_MS, maxHeaderSize: 8 * 1024 });
  server.on("connect", (request, socket, head) => open(request.url ?? "", socket, head));
  server.on("request", (_, response) => {
    response.writeHead(403, { "content-type": "text/plain", connection: "close" });
    response.end("Only encrypted connections to package registries are possible here (CONNECT).\n");
  });
  return server;
}

async function modelServer(open: Open): Promise<Listening> {
  const { createServer } = await import("node:net");
  // Half open, because an asker may end its side before the answer comes.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.on("connection", (socket) => open("model", socket, Buffer.alloc(0)));
  return server;
}

function modelVariables(port: number): Record<string, string> {
  return {
    ANTHROPIC_BASE_URL: `http://${HERE}:${port}`,
    ANTHROPIC_API_KEY: NO_KEY,
    NO_PROXY: `localhost,${HERE},::1`,
  };
}

/** In both spellings, because programs differ in which they read. */
function variables(port: number): Record<string, string> {
  const url = `http://${HERE}:${port}`;
  const names = { HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: `localhost,${HERE},::1` };
  const lower = Object.entries(names).map(([name, value]) => [name.toLowerCase(), value]);
  // Yarn from version 2 on reads neither, only its own.
  return { ...names, ...Object.fromEntries(lower), YARN_HTTP_PROXY: url, YARN_HTTPS_PROXY: url };
}
