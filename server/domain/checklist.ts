// SPEC.md: its checklist is the list of tasks. Pure.

const ITEM = /^(\s*[-*] \[)([ xX])(\] )([^\r]+\r?)$/;
export const MAX_TASKS = 60;

/** Titles of the checklist, in order; lines inside code fences do not count. */
export function parseTasks(spec: string): { title: string; done: boolean }[] {
  const tasks: { title: string; done: boolean }[] = [];
  let fenced = false;
  for (const line of spec.split(/\r?\n/)) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const item = fenced ? null : ITEM.exec(line);
    if (item) tasks.push({ title: titleOf(item[4] ?? ""), done: item[2] !== " " });
  }
  return tasks;
}

function titleOf(text: string): string {
  const cut = text.trim().slice(0, 300);
  // Half of a pair at the end is no character.
  return cut.isWellFormed() ? cut : cut.slice(0, -1).toWellFormed();
}

/** The same text with the first `n` checklist lines ticked. */
export function tickTasks(spec: string, n: number): string {
  let seen = 0;
  let fenced = false;
  return spec
    .split("\n")
    .map((line) => {
      if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
      if (fenced || !ITEM.test(line)) return line;
      seen++;
      return seen <= n ? line.replace(ITEM, "$1x$3$4") : line;
    })
    .join("\n");
}
