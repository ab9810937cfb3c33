// The fetch under the Ollama client. Adds what the client lacks: our deadline on every request, status and headers of
// a refusal, and an error for a line that is no JSON (the client would drop the line and call the answer complete).

import { boundedFetch } from "./call";

/** The server said no. */
export class OllamaRefusal extends Error {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    message: string,
  ) {
    super(message);
    this.name = "OllamaRefusal";
  }
}

/** A line of the stream is not JSON. */
class UnreadableLine extends Error {}

const MAX_REFUSAL_CHARS = 2_000;

/** A fetch that ends with `signal`. @throws OllamaRefusal, UnreadableLine while the body is read */
export function ollamaFetch(signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const both = init?.signal ? AbortSignal.any([signal, init.signal]) : signal;
    const response = await boundedFetch(input, { ...init, signal: both });
    if (!response.ok) throw await refusalOf(response);
    if (!response.body || !/ndjson/.test(response.headers.get("content-type") ?? "")) return response;
    return new Response(response.body.pipeThrough(strictLines()), {
      status: response.status,
      headers: response.headers,
    });
  };
}

async function refusalOf(response: Response): Promise<OllamaRefusal> {
  const text = (await response.text()).slice(0, MAX_REFUSAL_CHARS);
  return new OllamaRefusal(
    response.status,
    response.headers,
    messageIn(text) ?? (text || response.statusText),
  );
}

/** Ollama says `{"error": "…"}`; gateways in front of it often `{"error": {"message": "…"}}`. */
function messageIn(text: string): string | null {
  try {
    const { error } = JSON.parse(text) as { error?: string | { message?: string } };
    return typeof error === "string" ? error : (error?.message ?? null);
  } catch {
    return null;
  }
}

function strictLines(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  let rest = "";
  const check = (line: string) => {
    if (line.trim() === "") return;
    try {
      JSON.parse(line);
    } catch {
      throw new UnreadableLine("A line of the answer is not JSON.");
    }
  };
  return new TransformStream({
    transform(chunk, controller) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) check(line);
      controller.enqueue(chunk);
    },
    flush() {
      check(rest);
    },
  });
}
