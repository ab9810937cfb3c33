// The text behind what tools show of a file. Tools number lines differently, and what they leave out is said in brackets.

const NUMBERED = [
  /^\s*\d+\t/,
  /^\s*\d+→/,
  /^\s*\d+ \| ?/,
  /^\s*\d+\| ?/,
  /^\s*\d+: ?/,
  /^\s*\d+:/,
  /^\s*\d+ {2}/,
  /^\s*\d+ /,
  /^/,
];

/**
 * The text behind a listing with line numbers. Tools number differently, so the form that agrees best with the
 * expected text is taken; null when none does (the listing was shortened or replaced).
 */
export function withoutNumbers(listing: string, expected: string): string | null {
  const lines = listing.replace(/\n$/, "").split("\n");
  const known = new Set(expected.split("\n"));
  let best: { text: string; score: number } | null = null;
  for (const pattern of NUMBERED) {
    const bare = lines
      .filter((line) => pattern.source === "^" || pattern.test(line) || /^\s*\d+[:|→]?\s*$/.test(line))
      .map((line) => (pattern.test(line) ? line.replace(pattern, "") : ""));
    const score = bare.filter((line) => line.trim() && known.has(line)).length;
    if (score > (best?.score ?? 0)) best = { text: `${bare.join("\n").replace(/\n+$/, "")}\n`, score };
  }
  return best && best.score * 2 > lines.length / 2 ? best.text : null;
}

/** The lines of a listing as the read tool numbers them, by number; a text without numbers is taken as it is. */
export function numberedLines(listing: string): Map<number, string> {
  const lines = listing.split("\n");
  const numbered = lines.flatMap((line): [number, string][] => {
    const [, n, text = ""] = /^\s*(\d+)\t([\s\S]*)$/.exec(line) ?? [];
    return n === undefined ? [] : [[Number(n), text]];
  });
  return new Map(numbered.length > 0 ? numbered : lines.map((line, index) => [index + 1, line]));
}

/** The text of a file of which nothing is expected. */
export function textOf(listing: string): string {
  return [...numberedLines(listing).values()].join("\n");
}
