/** Passes requests on to an app and remembers the latest of each kind, so that a test can send one again, late. */
import { once } from "node:events";
import { request as ask, createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Recorded {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface RecordingProxy {
  port: number;
  /** The latest request whose path ends like this. */
  latest(ending: string): Recorded | undefined;
  /** Sends a recorded request again, byte for byte. @returns the status */
  replay(recorded: Recorded): Promise<number>;
  stop(): Promise<void>;
}

/** Listens on every address of this machine, in front of `target`. */
export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const seen = new Map<string, Recorded>();
  const server = createServer(async (request, response) => {
    const { method = "", url: path = "", headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    seen.set(path.split("?")[0] ?? "", { method, path, headers, body });
    const onward = ask(new URL(path, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    onward.end(body);
  });
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    latest: (ending) => [...seen].findLast(([path]) => path.endsWith(ending))?.[1],
    async replay({ method, path, headers, body }) {
      const given = { authorization: String(headers.authorization), "content-type": "application/json" };
      const protocol = { "x-fabrica-protocol": String(headers["x-fabrica-protocol"]) };
      const options = { method, headers: { ...given, ...protocol }, body: new Uint8Array(body) };
      return (await fetch(new URL(path, target), options)).status;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
