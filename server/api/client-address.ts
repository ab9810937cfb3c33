// Where a request really comes from. X-Forwarded-For is anybody's word and counts only behind a proxy of ours;
// otherwise the address of the socket counts, which the server itself writes into a header before any handler runs.
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { env } from "../env";

const PEER_HEADER = "x-fabrica-peer";
/** What a proxy says of the address that it was asked under; the sign-in library would send people there. */
const FORWARDED = ["forwarded", "x-forwarded-host"];

/** Called once at start: overwrites the header on every request that this process receives, and drops claims. */
export function recordPeerAddresses(): void {
  subscribe("http.server.request.start", (message) => {
    const { request } = message as { request: IncomingMessage };
    request.headers[PEER_HEADER] = request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "unknown";
    if (env().TRUST_PROXY !== "1") for (const name of FORWARDED) delete request.headers[name];
  });
}

/** Address of the client; the same word for all whose address is unknown, so that limits still hold. */
export function clientAddress(headers: Headers): string {
  if (env().TRUST_PROXY === "1") {
    // Our proxy appends; what stands before its entry was sent by the client.
    const last = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
    if (last) return last.slice(0, 64);
  }
  return headers.get(PEER_HEADER)?.slice(0, 64) ?? "unknown";
}
