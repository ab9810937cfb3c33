// Small text helpers shared by planning and templates: hashing, cleaning of users' words for source code.

/** A stable 32-bit hash (FNV-1a) of a text, the seed of every choice that the simulation makes. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** One line without control, format or irregular space characters. */
export function oneLine(text: string): string {
  return text
    .replace(/[\s\u2028\u2029]+/g, " ")
    .replace(/\p{C}/gu, "")
    .trim();
}

/** Columns a linter counts: wide East Asian characters count twice. */
function columnsOf(character: string): number {
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(
    character,
  )
    ? 2
    : 1;
}

/** Cuts a line to a number of columns, marking the cut. */
export function clip(text: string, columns: number): string {
  let used = 0;
  let result = "";
  for (const character of text) {
    used += columnsOf(character);
    if (used > columns - 1) return `${result.trimEnd()}…`;
    result += character;
  }
  return result;
}

/** A user's words, safe inside a docstring, a comment or a quoted string of either language. */
export function forSource(text: string, columns = 60): string {
  return clip(
    oneLine(text)
      .replace(/["'`\\]/g, "")
      .replace(/\*\//g, "* /")
      .replace(/\$\{/g, "{"),
    columns,
  );
}

/** A user's words, safe in one line of Markdown. */
export function forMarkdown(text: string): string {
  return oneLine(text).replace(/([<>`|])/g, "\\$1");
}
