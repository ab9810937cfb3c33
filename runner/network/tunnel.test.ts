// Both ends of the tunnel against each other, with real sockets on both sides.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { FRAME } from "../supervisor/frames";
import { ConnectProxy } from "./connect-proxy";
import { type GatewayOptions, TunnelGateway } from "./gateway";
import type { RegistryAccess } from "./registry-access";
import { TUNNEL_WINDOW_BYTES } from "./tunnel-stream";
import { tunnelPayload } from "./tunnel-wire";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A server that does with its connections what the test wants, and knows how many there are. */
async function serve(
  onConnection: (socket: Socket) => void,
  allowHalfOpen = false,
): Promise<Server & { target: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen }, (socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => {}));
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(server, { target: `127.0.0.1:${port}`, port });
}

const openTo = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, count) => resolve(count)));

/** Reads to the end of a socket, in whatever way it ends. */
const gone = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) =>
    socket
      .on("close", resolve)
      .on("error", () => {})
      .resume(),
  );

async function allClosed(server: Server): Promise<void> {
  while ((await openTo(server)) > 0) await new Promise((resolve) => setTimeout(resolve, 2));
}

interface Pair {
  gateway: TunnelGateway;
  proxy: ConnectProxy;
  /** Bytes that went over the wire to the sandbox and were not passed on there yet, at most. */
  peakUnderWay: () => number;
}

async function pair(access: Partial<RegistryAccess>, options: Partial<GatewayOptions> = {}): Promise<Pair> {
  const whole = { hosts: [], mirrors: [], maxBytes: 1e9, maxConnections: 16, ...access };
  const gateway = new TunnelGateway({ ...options, access: whole });
  let underWay = 0;
  let peak = 0;
  const proxy = await ConnectProxy.listen((type, payload) => {
    if (type === FRAME.tunnelTakenBySandbox) underWay -= Buffer.from(payload).readUInt32BE(4);
    const frame = Buffer.from(payload);
    setImmediate(() => gateway.receive(type, frame));
  });
  gateway.attach((type, payload) => {
    if (type === FRAME.tunnelDataIn) underWay += payload.length - 4;
    peak = Math.max(peak, underWay);
    setImmediate(() => proxy.receive(type, Buffer.from(payload)));
  });
  closers.push(() => {
    proxy.close();
    gateway.close();
  });
  return { gateway, proxy, peakUnderWay: () => peak };
}

/** A client of the proxy that has sent these lines. */
function dial({ proxy }: Pair, lines: string, allowHalfOpen = false): Socket {
  const { port } = new URL(proxy.env.HTTPS_PROXY ?? "");
  const socket = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen });
  socket.on("error", () => {});
  socket.write(lines);
  closers.push(() => socket.destroy());
  return socket;
}

const request = (target: string) => `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`;

/** The proxy's answer, up to the end of its header; what follows stays in the socket. */
async function answer(socket: Socket): Promise<string> {
  let header = "";
  while (!header.includes("\r\n\r\n")) {
    const piece = socket.read(1) as Buffer | null;
    if (piece) header += piece.toString("latin1");
    else if (socket.readableEnded || socket.destroyed) break;
    else await Promise.race([once(socket, "readable"), once(socket, "close")]);
  }
  return header.split("\r\n")[0] ?? "";
}

async function dialThrough(both: Pair, target: string, allowHalfOpen = false): Promise<Socket> {
  const socket = dial(both, request(target), allowHalfOpen);
  expect(await answer(socket)).toBe("HTTP/1.1 200 Connection established");
  return socket;
}

describe("the tunnel", () => {
  it("carries bytes both ways and counts them", async () => {
    const server = await serve((socket) => socket.pipe(socket));
    const both = await pair({ mirrors: [server.target] });
    const socket = await dialThrough(both, server.target);
    const bytes = Buffer.alloc(3_000_000, "0123456789abcdef");
    const received: Buffer[] = [];
    socket.on("data", (data: Buffer) => received.push(data));
    socket.end(bytes);
    await once(socket, "end");
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
    expect(both.gateway.report()).toEqual({
      connections: 1,
      bytesIn: bytes.length,
      bytesOut: bytes.length,
      capped: false,
      refused: [],
    });
    expect(both.peakUnderWay()).toBeLessThanOrEqual(TUNNEL_WINDOW_BYTES);
  });

  it("passes on what came together with the request", async () => {
    const server = await serve((socket) => socket.pipe(socket));
    const both = await pair({ mirrors: [server.target] });
    const socket = dial(both, `${request(server.target)}early`);
    await answer(socket);
    socket.end();
    expect(await text(socket)).toBe("early");
  });

  it("keeps one direction open when the other has ended", async () => {
    const ends: string[] = [];
    const server = await serve((socket) => {
      socket.on("data", (data) => ends.push(`got ${data}`));
      socket.on("end", () => {
        ends.push("end");
        socket.end("answer after the end");
      });
    }, true);
    const both = await pair({ mirrors: [server.target] });
    const socket = await dialThrough(both, server.target);
    socket.end("question");
    expect(await text(socket)).toBe("answer after the end");
    expect(ends).toEqual(["got question", "end"]);
    const other = await serve((socket) => socket.end("first word"));
    const second = await pair({ mirrors: [other.target] });
    const listening = await dialThrough(second, other.target, true);
    const words: string[] = [];
    listening.on("data", (data) => words.push(String(data)));
    await once(listening, "end");
    expect(words.join("")).toBe("first word");
    expect(listening.writable).toBe(true);
  });

  it("holds no more than the window for a reader that does not read", async () => {
    let written = 0;
    const server = await serve((socket) => {
      const piece = Buffer.alloc(64 * 1024);
      const more = () => {
        while (written < 50_000_000 && socket.write(piece)) written += piece.length;
      };
      socket.on("drain", more);
      more();
    });
    const both = await pair({ mirrors: [server.target] });
    const socket = await dialThrough(both, server.target);
    socket.pause();
    await until(() => both.peakUnderWay() > TUNNEL_WINDOW_BYTES / 2);
    // Whatever the kernel's buffers on both sides take, it stops somewhere.
    let last = -1;
    while (both.gateway.report().bytesIn !== last) {
      last = both.gateway.report().bytesIn;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(last).toBeLessThan(20_000_000);
    expect(both.peakUnderWay()).toBeLessThanOrEqual(TUNNEL_WINDOW_BYTES);
    socket.resume();
    await until(() => both.gateway.report().bytesIn > last);
  });

  it("cuts off an end that sends more than the window", async () => {
    const server = await serve((socket) => socket.resume());
    const both = await pair({ mirrors: [server.target] });
    await dialThrough(both, server.target);
    const flood = tunnelPayload(1, Buffer.alloc(64 * 1024));
    for (let n = 0; n < 400; n++) both.gateway.receive(FRAME.tunnelDataOut, flood);
    await until(() => both.gateway.report().bytesOut > 0);
    await allClosed(server);
  });

  it("tells either side when the other breaks", async () => {
    const accepted: Socket[] = [];
    const server = await serve((socket) => accepted.push(socket));
    const both = await pair({ mirrors: [server.target] });
    const first = await dialThrough(both, server.target);
    accepted[0]?.resetAndDestroy();
    await gone(first);
    const second = await dialThrough(both, server.target);
    second.resetAndDestroy();
    await gone(accepted[1] as Socket);
  });

  it("refuses what is not allowed, in words", async () => {
    const both = await pair(
      { hosts: ["registry.example"] },
      { resolve: async () => ["1.2.3.4", "127.0.0.1"] },
    );
    for (const [target, status] of [
      ["elsewhere.example:443", "403"],
      ["registry.example:80", "403"],
      ["registry.example:443", "403"],
      ["169.254.169.254:80", "403"],
      ["[::1]:443", "403"],
      ["nonsense", "400"],
    ] as const) {
      const socket = dial(both, request(target));
      expect(await text(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} Refused\r\n`));
    }
    expect(both.gateway.report()).toMatchObject({
      connections: 0,
      refused: expect.arrayContaining([
        "elsewhere.example is not an allowed registry.",
        "Only port 443 is allowed, not 80.",
        "registry.example has an address that is not public.",
      ]),
    });
  });

  it("knows nothing but CONNECT", async () => {
    const both = await pair({ hosts: ["registry.example"] });
    const socket = dial(both, "GET http://registry.example/ HTTP/1.1\r\nhost: registry.example\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1.1 403 Forbidden\r\n.*Only encrypted connections/s);
    const broken = dial(both, "\0\0\0\r\n\r\n");
    expect(await text(broken)).toMatch(/^HTTP\/1.1 400/);
  });

  it("connects to the address that was checked, and asks for it once", async () => {
    const server = await serve((socket) => socket.end("pinned"));
    const asked: string[] = [];
    const opened: string[] = [];
    const both = await pair(
      { hosts: ["registry.example"] },
      {
        // A name that leads elsewhere when it is asked for again.
        resolve: async (host) => (asked.push(host) === 1 ? ["1.2.3.4", "1.2.3.5"] : ["127.0.0.1"]),
        open: (address, port) => {
          opened.push(`${address}:${port}`);
          return connect(address === "1.2.3.4" ? 1 : server.port, "127.0.0.1");
        },
      },
    );
    const socket = await dialThrough(both, "registry.example:443");
    expect(await text(socket)).toBe("pinned");
    expect(asked).toEqual(["registry.example"]);
    expect(opened).toEqual(["1.2.3.4:443", "1.2.3.5:443"]);
  });

  it("says when a registry cannot be reached", async () => {
    const both = await pair({ mirrors: ["127.0.0.1:1"] });
    expect(await answer(dial(both, request("127.0.0.1:1")))).toBe("HTTP/1.1 502 Refused");
  });

  it("cuts everything at the cap on bytes, and opens nothing more", async () => {
    const server = await serve((socket) => socket.pipe(socket));
    const both = await pair({ mirrors: [server.target], maxBytes: 100_000 });
    const [one, two] = [await dialThrough(both, server.target), await dialThrough(both, server.target)];
    const closed = Promise.all([gone(one), gone(two)]);
    one.write(Buffer.alloc(60_000));
    await closed;
    expect(both.gateway.report().capped).toBe(true);
    expect(await answer(dial(both, request(server.target)))).toBe("HTTP/1.1 403 Refused");
    await allClosed(server);
  });

  it("keeps its cap on connections against a thousand of them", async () => {
    const server = await serve((socket) => socket.resume());
    const both = await pair({ mirrors: [server.target], maxConnections: 5 });
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () => answer(dial(both, request(server.target)))),
    );
    expect(answers.filter((line) => line.includes("200")).length).toBe(5);
    expect(await openTo(server)).toBe(5);
    // The runner's end counts by itself, whatever the other end sends.
    for (let n = 10_000; n < 11_000; n++) {
      both.gateway.receive(FRAME.tunnelOpen, tunnelPayload(n, Buffer.from(server.target)));
    }
    await until(() => both.gateway.report().refused.length > 0);
    expect(both.gateway.report().connections).toBe(5);
    expect(await openTo(server)).toBe(5);
  });

  it("closes everything with its command", async () => {
    const server = await serve((socket) => socket.resume());
    const both = await pair({ mirrors: [server.target] });
    const socket = await dialThrough(both, server.target);
    both.gateway.close();
    both.proxy.close();
    await gone(socket);
    await allClosed(server);
    const again = dial(both, request(server.target));
    const [error] = await once(again, "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("gives up connecting when the program has gone away meanwhile", async () => {
    let resolveLate: (addresses: string[]) => void = () => {};
    const opened: string[] = [];
    const both = await pair(
      { hosts: ["registry.example"] },
      {
        resolve: () => new Promise((resolve) => (resolveLate = resolve)),
        open: (address) => {
          opened.push(address);
          return connect(1, "127.0.0.1");
        },
      },
    );
    both.gateway.receive(FRAME.tunnelOpen, tunnelPayload(1, Buffer.from("registry.example:443")));
    both.gateway.receive(FRAME.tunnelClosedBySandbox, tunnelPayload(1, Buffer.of(1)));
    resolveLate(["1.2.3.4"]);
    await until(() => both.gateway.report().refused.length > 0);
    expect(both.gateway.report().connections).toBe(0);
  });
});
