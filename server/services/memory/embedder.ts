import { env } from "../../env";
import { Embedder } from "../../memory/embedder";

let made: Embedder | null | undefined;

/** The embedder of the settings; null without an Ollama. One a process, because it remembers that it is away. */
export function embedder(): Embedder | null {
  const { OLLAMA_HOST: host, EMBED_MODEL: model } = env();
  if (made === undefined) made = host ? new Embedder({ host, model }) : null;
  return made;
}

/** What of a learning is embedded. */
export const wordsToEmbed = ({ title, text }: { title: string; text: string }) => `${title}\n${text}`;
