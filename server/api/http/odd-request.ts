// Requests that no handler could read: Next answers them with 500, or never. They are refused before it sees them.
import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { AppError, ERROR_STATUS } from "../../domain/errors";

const SCHEME = /^https?:\/\/[^/?#]*/i;

/**
 * Answers a request whose target or method cannot be read; true when it did. A target that names a host as well, as
 * proxies are asked, is shortened to what every server reads.
 */
export function answerOdd(request: IncomingMessage, response: ServerResponse): boolean {
  const target = (request.url ?? "").replace(SCHEME, "");
  request.url = /^[?#]/.test(target) || target === "" ? `/${target}` : target;
  const refused = refusalOf(request.method ?? "", request.url);
  if (!refused) return false;
  const { code, message } = refused;
  const id = randomUUID();
  const body = JSON.stringify({ error: { code, message, request_id: id } });
  response.writeHead(ERROR_STATUS[code], {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": id,
    Connection: "close",
    ...(code === "method_not_allowed" && { Allow: "GET, HEAD" }),
  });
  response.end(body);
  return true;
}

function refusalOf(method: string, target: string): AppError | null {
  // A request with it cannot even be made by the standard's own means, which all handlers use.
  if (method === "TRACE") return new AppError("method_not_allowed", "TRACE is not answered here.");
  // Pages are only looked at; Next fails at some of the rest, and logs a stack for each guess at an action of a page.
  if (/^\/(?!api(\/|$))/.test(target) && method !== "GET" && method !== "HEAD")
    return new AppError("method_not_allowed", "This address accepts GET and HEAD only.");
  if (!target.startsWith("/")) return new AppError("bad_request", "The address must begin with a slash.");
  try {
    decodeURIComponent(target.split(/[?#]/, 1)[0] ?? "");
    return null;
  } catch {
    return new AppError("bad_request", "The address is not correctly percent-encoded.");
  }
}

const NO_UPGRADE =
  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 33\r\n\r\n" +
  "Nothing here speaks that protocol";

/** Nothing here speaks another protocol. Next would keep whoever asks for one waiting, and the connection open. */
export function refuseUpgrades(server: Server): void {
  server.on("upgrade", (_request, socket) => {
    socket.on("error", () => undefined); // Who asked may be gone.
    socket.end(NO_UPGRADE, () => socket.destroy());
  });
}
