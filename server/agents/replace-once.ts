// The exact replacement of an edit. It is made when the piece is there once; otherwise the model is told where it is, or
// what comes nearest to it.

/** Places that are named when there are several. */
const PLACES = 10;

/** @returns the new text, or in words why there is none */
export function replaceOnce(
  text: string,
  old: string,
  replacement: string,
): { text: string } | { wrong: string } {
  const at = text.indexOf(old);
  if (at < 0) return { wrong: `old does not occur in it${nearest(text, old)}; read the file again.` };
  if (text.indexOf(old, at + 1) < 0)
    return { text: text.slice(0, at) + replacement + text.slice(at + old.length) };
  const lines = linesWith(text, old);
  const shown = lines.slice(0, PLACES).join(", ");
  const where = lines.length === 1 ? `line ${shown}` : `lines ${shown}`;
  const more = lines.length > PLACES ? ` and ${lines.length - PLACES} more` : "";
  return { wrong: `old occurs more than once, at ${where}${more}; give more of what stands around it.` };
}

/** Numbers of the lines in which a piece begins. */
function linesWith(text: string, piece: string): number[] {
  const lines = new Set<number>();
  let line = 1;
  let from = 0;
  for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + 1)) {
    for (let next = text.indexOf("\n", from); next >= 0 && next < at; next = text.indexOf("\n", next + 1)) {
      line++;
      from = next + 1;
    }
    lines.add(line);
  }
  return [...lines];
}

/** A hint where the piece is but for its spaces, which is how edits miss most often. */
function nearest(text: string, old: string): string {
  const bare = (line: string) => line.replace(/\s+/g, " ").trim();
  const wanted = old.split("\n").map(bare);
  while (wanted.length > 1 && wanted.at(-1) === "") wanted.pop();
  if (wanted.join("") === "") return "";
  const lines = text.split("\n").map(bare);
  const at = lines.findIndex((_, first) => wanted.every((line, n) => lines[first + n] === line));
  return at < 0 ? "" : `: line ${at + 1} differs in its spaces only`;
}
