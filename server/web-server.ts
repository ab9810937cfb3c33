// The app process in production: one HTTP server, in front of Next for the few routes that programs call all the time.
// Invariant: it decides nothing; whatever can be read and it does not know goes to Next, and only a page that fails while
// the database is away comes back changed.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import next from "next";
import { guardPage } from "./api/http/away-page";
import { directHandler } from "./api/http/direct-routes";
import { answerWith } from "./api/http/node-request";
import { answerOdd, refuseUpgrades } from "./api/http/odd-request";
import { copyEnvironment } from "./own-environment";

/** A caller that has not finished by then is cut off. */
const CLOSE_MS = 3_000;

async function main(): Promise<void> {
  copyEnvironment();
  const hostname = process.env.HOSTNAME || "127.0.0.1";
  const port = Number(process.env.PORT || 9000);
  const dir = process.cwd();
  let serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  const server = createServer((request, response) => void answer(request, response));
  refuseUpgrades(server);
  const app = next({ dev: false, dir, hostname, port, httpServer: server });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (answerOdd(request, response)) return;
      const handler = directHandler(request.method ?? "", request.url ?? "");
      if (handler) return await answerWith(handler, request, response);
      // The API says by itself what is wrong, in its own form.
      if (!request.url?.startsWith("/api/")) guardPage(response);
      await serve(request, response);
    } catch (error) {
      if (!response.destroyed) process.stderr.write(`${request.method} ${request.url}: ${String(error)}\n`);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  }

  await app.prepare();
  serve = app.getRequestHandler();
  server.on("error", (error) => {
    process.stderr.write(`The app cannot listen on ${hostname}:${port}: ${error.message}\n`);
    process.exit(1);
  });
  server.listen(port, hostname);
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    process.once(signal, () => {
      server.close(() => process.exit(code));
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), CLOSE_MS).unref();
    });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`The app could not be started: ${String(error)}\n`);
  process.exit(1);
});
