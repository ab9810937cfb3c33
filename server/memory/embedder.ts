// Texts to vectors, by an Ollama server. It may be away at any time: then nobody waits for it twice in a row, and
// memory goes on with full text alone.
import { Ollama } from "ollama";
import { z } from "zod";
import { DIMENSIONS, unitVector } from "./vectors";

/** Texts of one call. */
const BATCH = 32;
/** What the model reads of a text; its window is 2,048 tokens and more is no help. */
const MOST_CHARS = 6_000;
/** For how long a server that failed is left alone. */
const REST_MS = 30_000;

const answer = z.object({ embeddings: z.array(z.array(z.number())) });

/** The embedder is away or is none; `message` is one sentence for people. */
export class NoEmbedder extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NoEmbedder";
  }
}

export interface EmbedderOptions {
  /** Such as "http://127.0.0.1:11434". */
  host: string;
  model: string;
  now?: () => number;
}

/** What is embedded: something to be found, or a question that finds. */
export type Purpose = "document" | "query";

export class Embedder {
  /** Until when it is not asked, and why. */
  private rests: { until: number; reason: string } | null = null;

  constructor(private readonly options: EmbedderOptions) {}

  /** Names the vectors: those of different models say nothing about each other. */
  get name(): string {
    return `ollama/${this.options.model}`;
  }

  /**
   * Vectors of length 1, one for each text.
   * @param timeoutMs for everything together
   * @throws NoEmbedder
   */
  async embed(texts: readonly string[], purpose: Purpose, timeoutMs: number): Promise<number[][]> {
    if (texts.length === 0) return [];
    const now = this.options.now ?? Date.now;
    if (this.rests && now() < this.rests.until) throw new NoEmbedder(this.rests.reason);
    try {
      const vectors = await this.ask(texts, purpose, AbortSignal.timeout(timeoutMs));
      this.rests = null;
      return vectors;
    } catch (error) {
      const reason = error instanceof NoEmbedder ? error.message : this.reasonOf(error);
      this.rests = { until: now() + REST_MS, reason };
      throw new NoEmbedder(reason, { cause: error });
    }
  }

  private async ask(texts: readonly string[], purpose: Purpose, signal: AbortSignal): Promise<number[][]> {
    const { host, model } = this.options;
    const fetchInTime: typeof fetch = (input, init) =>
      fetch(input, {
        ...init,
        redirect: "error",
        signal: AbortSignal.any([signal, ...(init?.signal ? [init.signal] : [])]),
      });
    const client = new Ollama({ host, fetch: fetchInTime });
    const vectors: number[][] = [];
    for (let at = 0; at < texts.length; at += BATCH) {
      const input = texts
        .slice(at, at + BATCH)
        .map((text) => prefixOf(model, purpose) + text.slice(0, MOST_CHARS));
      const { embeddings } = answer.parse(await client.embed({ model, input, truncate: true }));
      if (embeddings.length !== input.length)
        throw new NoEmbedder(
          `The embedding model ${model} answered ${embeddings.length} of ${input.length} texts.`,
        );
      vectors.push(...embeddings.map((numbers) => this.unit(numbers)));
    }
    return vectors;
  }

  private unit(numbers: readonly number[]): number[] {
    const unit = unitVector(numbers);
    if (unit) return unit;
    throw new NoEmbedder(
      `The embedding model ${this.options.model} gives ${numbers.length} numbers, or nothing but zeros; ${DIMENSIONS} are needed, as nomic-embed-text gives them.`,
    );
  }

  private reasonOf(error: unknown): string {
    const { host, model } = this.options;
    if (error instanceof z.ZodError) return `What answers at ${host} as the embedding model is no Ollama.`;
    const { name, status_code: status } = error as { name?: string; status_code?: number };
    if (name === "TimeoutError") return "The embedding model did not answer in time.";
    if (status === 404) return `Ollama does not have the model ${model}. Get it with: ollama pull ${model}`;
    if (status) return `The embedding model refused with ${status}.`;
    return `Ollama does not answer at ${host}.`;
  }
}

/** This family was trained with a word in front that says what a text is for. Source: its model card. */
function prefixOf(model: string, purpose: Purpose): string {
  return /(^|\/)nomic-embed-text/.test(model) ? `search_${purpose}: ` : "";
}
