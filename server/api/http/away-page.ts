// What a page answers while the database is away: 503 and a sentence. Next knows no status for a page that could not be
// drawn but 500, so its answer is replaced. The note lives on the process, because Next bundles what notices the fault
// and the web server is a bundle of its own.
import type { ServerResponse } from "node:http";
import { processWide } from "../../process-wide";

const away = processWide("away", () => ({ at: 0 }));

/** So long after a fault a failed page is put down to it, in milliseconds. */
const FRESH_MS = 5_000;
const RETRY_SECONDS = 2;

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="${RETRY_SECONDS}">
<title>Fabrica: a moment</title>
<h1>A moment</h1>
<p>The database cannot be reached at the moment. This page tries again by itself; nothing that was acknowledged is lost.</p>
</html>
`;

/** Notes that a request failed just now because the database could not be used. */
export function noteAway(): void {
  away.at = Date.now();
}

const isAway = () => Date.now() - away.at < FRESH_MS;

/** Has a page that fails for want of the database be answered with 503. Call it before the page is asked for. */
export function guardPage(response: ServerResponse): void {
  const { writeHead, write, end } = response;
  let replaced = false;
  const replace = (status: number): boolean => {
    if (replaced || response.headersSent || status !== 500 || !isAway()) return replaced;
    replaced = true;
    // The policy stays; what described the page that is not there goes.
    for (const name of response.getHeaderNames())
      if (name !== "content-security-policy") response.removeHeader(name);
    writeHead.call(response, 503, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Length": Buffer.byteLength(PAGE),
      "Cache-Control": "no-store",
      "Retry-After": RETRY_SECONDS,
    });
    end.call(response, PAGE, "utf8");
    return true;
  };
  response.writeHead = ((...head: Parameters<typeof writeHead>) =>
    replace(head[0]) ? response : writeHead.apply(response, head)) as typeof writeHead;
  response.write = ((...piece: Parameters<typeof write>) =>
    replace(response.statusCode) || write.apply(response, piece)) as typeof write;
  response.end = ((...last: Parameters<typeof end>) =>
    replace(response.statusCode) ? response : end.apply(response, last)) as typeof end;
}
