// Lists of paths as fabrica.json has them, written as in a .gitignore: `dir/`, `*.min.js`, `docs/**/*.svg`. Patterns come
// out of repositories, so matching takes no regular expression: its time is bounded whatever they hold.

/**
 * Whether a path is among `patterns` or below a folder that is.
 * A pattern without a slash (but at its end) is met at any depth, another one counts from the root. `*` and `?` stop
 * at a slash, `**` does not. A slash at the end means a folder.
 */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const compiled = patterns.map(compile).filter((one) => one.segments.length > 0);
  return (path) => {
    const names = path.split("/");
    return compiled.some(({ segments, folder }) => {
      const last = folder ? names.length - 1 : names.length;
      for (let length = 1; length <= last; length += 1) if (meets(segments, names, length)) return true;
      return false;
    });
  };
}

interface Pattern {
  segments: string[];
  folder: boolean;
}

function compile(pattern: string): Pattern {
  const folder = pattern.endsWith("/");
  const parts = pattern
    .replace(/^\.?\/+/, "")
    .split("/")
    .filter(Boolean);
  const anywhere = parts.length === 1 && !/^\.?\//.test(pattern) && parts[0] !== "**";
  return { segments: anywhere ? ["**", ...parts] : parts, folder };
}

/** Whether the first `length` names are met by all segments. */
function meets(segments: readonly string[], names: readonly string[], length: number): boolean {
  let row = Array.from({ length: length + 1 }, (_, at) => at === 0);
  for (const segment of segments) {
    const next = new Array<boolean>(length + 1).fill(false);
    if (segment === "**") {
      for (let at = 0, open = false; at <= length; at += 1) {
        open ||= row[at] === true;
        next[at] = open;
      }
    } else {
      for (let at = 0; at < length; at += 1) if (row[at]) next[at + 1] = nameMeets(segment, names[at] ?? "");
    }
    row = next;
  }
  return row[length] === true;
}

/** One name against a pattern with `*` and `?`: only the last star ever needs to be tried again. */
function nameMeets(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let from = 0;
  let p = 0;
  while (at < name.length) {
    if (p < pattern.length && pattern[p] !== "*" && (pattern[p] === "?" || pattern[p] === name[at])) {
      p += 1;
      at += 1;
    } else if (pattern[p] === "*") {
      star = p;
      from = at;
      p += 1;
    } else if (star >= 0) {
      from += 1;
      at = from;
      p = star + 1;
    } else return false;
  }
  while (pattern[p] === "*") p += 1;
  return p === pattern.length;
}
