// Turns "the file is this, it should be that" into one exact replacement, as the edit tool wants it.

export interface Replacement {
  old: string;
  new: string;
}

/** The smallest replacement of whole lines whose old text occurs once; null when there is none but the whole file. */
export function replacementBetween(before: string, after: string): Replacement | null {
  const [was, is] = [before.split("\n"), after.split("\n")];
  let top = 0;
  while (top < was.length && top < is.length && was[top] === is[top]) top += 1;
  let bottom = 0;
  while (
    bottom < was.length - top &&
    bottom < is.length - top &&
    was.at(-1 - bottom) === is.at(-1 - bottom)
  ) {
    bottom += 1;
  }
  for (let context = 0; context < 12; context += 1) {
    const from = Math.max(0, top - context);
    const tail = Math.max(0, bottom - (context > 0 ? 1 : 0));
    const old = was.slice(from, was.length - tail).join("\n");
    if (old.trim() && before.indexOf(old) === before.lastIndexOf(old) && before.includes(old)) {
      return { old, new: is.slice(from, is.length - tail).join("\n") };
    }
    if (from === 0 && tail === 0) break;
  }
  return null;
}
