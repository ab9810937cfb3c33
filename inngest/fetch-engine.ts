/**
 * How the SDK reaches the engine. Each step is reported by a request of its own, and Node's `fetch` passes every body
 * through several streams: a fifth of what a step costs the app. This is the same HTTP client, of the same people,
 * without them.
 */
import { Agent, type Dispatcher, request } from "undici";

/** Answers that by their status have no body. */
const EMPTY = [101, 204, 205, 304];

/** Answers that send on who has not been heard. */
const MOVED = [301, 302, 307, 308];

/** Kept connections of its own: the process's belong to the undici that is built into Node, which is another version. */
const connections = new Agent();

/**
 * `fetch` for a text that is sent to an address and answered by a text; everything else goes to Node's own.
 * @throws TypeError "fetch failed" when there is no whole answer; its cause says why
 */
export const fetchEngine: typeof fetch = async (input, init) => {
  const call = plainCall(init);
  if (!call || input instanceof Request) return fetch(input, init);
  const { status, headers, text } = await send(input, call).catch((cause: unknown) => {
    // The SDK knows by these words that nobody answers; it takes others for a fault of the settings.
    throw new TypeError("fetch failed", { cause });
  });
  if (MOVED.includes(status) && "location" in headers) return fetch(input, init);
  return new Response(EMPTY.includes(status) ? null : text, { status, headers: pairs(headers) });
};

type Call = Pick<Dispatcher.RequestOptions, "method" | "body"> & { headers: Record<string, string> };

function plainCall({
  method,
  headers,
  body,
  redirect = "follow",
  ...other
}: RequestInit = {}): Call | undefined {
  const plain = typeof body === "string" && method !== undefined && redirect === "follow";
  if (!plain || Object.keys(other).length > 0 || headers instanceof Headers || Array.isArray(headers)) return;
  return { method, body, headers: headers ?? {} } as Call;
}

async function send(url: string | URL, call: Call) {
  const { statusCode: status, headers, body } = await request(url, { ...call, dispatcher: connections });
  return { status, headers, text: await body.text() };
}

function pairs(headers: Dispatcher.ResponseData["headers"]): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
}
