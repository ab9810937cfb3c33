/**
 * Stands between a client and Postgres, and loses connections at chosen moments: before a COMMIT reaches the server,
 * after the server has committed, or by silence, which is what a cut cable looks like.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net";

/** `before`/`after`: the next commit is cut off there; `silent`: nothing passes; `away`: connections are refused. */
export type ProxyMode = "open" | "before" | "after" | "silent" | "away";

const COMMIT = Buffer.from("COMMIT\0");
/** A prepared statement that is a commit by itself: its name, and how it is known. Later only the name is sent. */
const NEW_JOB = /(fabrica_\d+)\0[^\0]*INSERT INTO job \(/g;

/** A proxy for one database. */
export class DatabaseProxy {
  /** How many commits it has cut off. */
  cut = 0;
  /** How many connections were asked for. */
  asked = 0;
  private mode: ProxyMode = "open";
  private readonly committing = new Set<string>();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private server: Server,
    private readonly target: URL,
    /** Address of the same database through the proxy. */
    readonly url: string,
  ) {}

  static async start(databaseUrl: string): Promise<DatabaseProxy> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = new URL(databaseUrl);
    url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const proxy = new DatabaseProxy(server, new URL(databaseUrl), url.href);
    server.on("connection", (client) => proxy.accept(client));
    return proxy;
  }

  /** What happens from now on. Going `away` ends all connections. */
  set(mode: ProxyMode): void {
    this.mode = mode;
    if (mode === "away") this.endAll();
    // What was held back is gone with its connection, as packets are that nobody repeats any more.
    if (mode === "open") for (const socket of this.sockets) if (socket.isPaused()) socket.destroy();
  }

  async stop(): Promise<void> {
    this.endAll();
    this.server.close();
    await once(this.server, "close");
  }

  private endAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(client: Socket): void {
    this.asked++;
    if (this.mode === "away") {
      client.destroy();
      return;
    }
    const server = dial(Number(this.target.port), this.target.hostname);
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", (bytes) => this.pass(client, server, bytes));
    let answered = (bytes: Buffer): unknown => client.write(bytes);
    client.on("cut", () => {
      answered = () => client.destroy();
    });
    server.on("data", (bytes) => {
      if (this.mode !== "silent") answered(bytes);
      else server.pause();
    });
  }

  private pass(client: Socket, server: Socket, bytes: Buffer): void {
    if (this.mode === "silent") {
      client.pause();
    } else if (this.isCutAt(bytes)) {
      const { mode } = this;
      this.mode = "open";
      this.cut++;
      if (mode === "after") {
        client.emit("cut");
        server.write(bytes);
      } else client.destroy();
    } else server.write(bytes);
  }

  private isCutAt(bytes: Buffer): boolean {
    const text = bytes.toString("latin1");
    for (const [, name] of text.matchAll(NEW_JOB)) this.committing.add(`\0${name}\0`);
    if (this.mode !== "before" && this.mode !== "after") return false;
    return bytes.includes(COMMIT) || [...this.committing].some((name) => text.includes(name));
  }
}
