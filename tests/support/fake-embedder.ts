// A server that speaks Ollama's /api/embed over real HTTP. Its vectors are sums of one random direction for each word,
// so that texts with words in common are close; words that it is told to be synonyms have one direction.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const DIMENSIONS = 768;

const directions = new Map<string, Float32Array>();

/** A direction for a word: the same in every run. */
function directionOf(word: string): Float32Array {
  const known = directions.get(word);
  if (known) return known;
  let state = 2_166_136_261;
  for (const letter of word) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 16_777_619);
  const direction = Float32Array.from({ length: DIMENSIONS }, () => {
    state = Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9;
    return ((state >>> 8) & 0xffff) / 0x8000 - 1;
  });
  directions.set(word, direction);
  return direction;
}

/** The vector of a text. */
export function fakeVector(text: string, synonyms: ReadonlyMap<string, string> = new Map()): number[] {
  const sum = new Float32Array(DIMENSIONS);
  for (const word of text.toLowerCase().match(/[a-z0-9]+/g) ?? []) {
    const direction = directionOf(synonyms.get(word) ?? word);
    for (let i = 0; i < DIMENSIONS; i++) sum[i] = (sum[i] as number) + (direction[i] as number);
  }
  return [...sum];
}

export class FakeEmbedder {
  /** Every request that came, as it came. */
  readonly asked: { model: string; input: string[] }[] = [];
  readonly synonyms = new Map<string, string>();
  /** What is answered instead: a status, a body of another shape, or nothing at all. */
  fault: { status: number } | { body: unknown } | "silent" | null = null;
  url = "";
  private readonly server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(parts).toString("utf8")) as { model: string; input: string[] };
      this.asked.push(body);
      if (this.fault === "silent") return;
      const status = this.fault !== null && "status" in this.fault ? this.fault.status : 200;
      const embeddings = body.input.map((text) =>
        fakeVector(text.replace(/^search_(query|document): /, ""), this.synonyms),
      );
      const said =
        status !== 200
          ? { error: "not now" }
          : this.fault !== null && "body" in this.fault
            ? this.fault.body
            : { model: body.model, embeddings };
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
    });
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
