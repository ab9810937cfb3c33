// JSON that a model wrote with a slip that has one meaning only: a fence around it, a comma too many, a line break inside
// a text, a word of Python. Nothing that is missing is added, so a text that was cut off stays unreadable.

/** The value, or what is wrong with the text. */
export function readJson(text: string): { value: unknown } | { wrong: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    try {
      return { value: JSON.parse(mended(text)) };
    } catch {
      return { wrong: error instanceof Error ? error.message.slice(0, 200) : "it is not JSON" };
    }
  }
}

const FENCE = /^```(?:json)?[ \t]*\r?\n([\s\S]*)```$/;
const WORDS: Record<string, string> = { True: "true", False: "false", None: "null" };
const ESCAPES: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function mended(text: string): string {
  const bare = FENCE.exec(text.trim())?.[1] ?? text;
  // Texts are taken whole, so that nothing in them is changed but what JSON forbids there.
  return bare.replace(/"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|,(?=\s*[}\]])|\b(?:True|False|None)\b/g, (piece) => {
    if (piece === ",") return "";
    if (!piece.startsWith('"')) return WORDS[piece] ?? piece;
    return piece.replace(/[\n\r\t]/g, (letter) => ESCAPES[letter] as string);
  });
}
