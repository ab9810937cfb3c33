/**
 * Reads a task of our own from its one file: a head of `name: value` lines, the description, and sections that begin
 * with `==== <part> <path>`. Parts are base, reference and edit, tests, hidden and slip; the text of an edit and of a
 * slip has a line `---- becomes` between what is replaced and what replaces it.
 */
import type { Edit, NewFile, OwnTask } from "./task";

const SECTION = /^==== (\S+) (\S+)$/;
const BECOMES = "\n---- becomes\n";
const FILES = ["base", "reference", "tests", "hidden"] as const;
const EDITS = ["edit", "slip"] as const;
type FilePart = (typeof FILES)[number];
type EditPart = (typeof EDITS)[number];

interface Section {
  part: string;
  file: string;
  text: string;
}

/**
 * @param name of the file without its ending
 * @throws Error that names the task and what is wrong with it
 */
export function readTask(name: string, text: string): OwnTask {
  const refuse = (why: string): never => {
    throw new Error(`The task ${name} cannot be read: ${why}`);
  };
  const [head = "", ...rest] = text.split(/^(?===== )/m);
  const fields = new Map<string, string>();
  const [top = "", ...description] = head.split("\n\n");
  for (const line of top.split("\n")) {
    const [, key, value] = /^(\w+): (.+)$/.exec(line) ?? refuse(`"${line}" is no line of a head.`);
    fields.set(key as string, value as string);
  }
  const sections = rest.map((one) => sectionOf(one) ?? refuse(`"${one.slice(0, 40)}" begins no section.`));
  const files = (part: FilePart): NewFile[] =>
    sections.filter((one) => one.part === part).map(({ file, text }) => ({ file, content: text }));
  const edits = (part: EditPart): Edit[] =>
    sections
      .filter((one) => one.part === part)
      .map(({ file, text }) => {
        const [find, replace, more] = text.replace(/\n$/, "").split(BECOMES);
        if (find === undefined || replace === undefined || more !== undefined)
          return refuse(`${part} ${file} needs one line "---- becomes".`);
        return { file, find, replace };
      });
  const known: readonly string[] = [...FILES, ...EDITS];
  const odd = sections.find(({ part }) => !known.includes(part));
  if (odd) refuse(`there is no part "${odd.part}".`);
  const kind = fields.get("kind");
  const stack = fields.get("stack");
  const title = fields.get("title");
  if (kind !== "build" && kind !== "change") return refuse("its kind is neither build nor change.");
  if (stack !== "python" && stack !== "node") return refuse("its stack is neither python nor node.");
  if (!title) return refuse("it has no title.");
  return {
    name,
    kind,
    stack,
    title,
    description: description.join("\n\n").trim(),
    base: files("base"),
    reference: files("reference"),
    edits: edits("edit"),
    tests: files("tests"),
    hidden: files("hidden"),
    slips: edits("slip"),
  };
}

/** One section; empty lines between it and the next belong to neither. */
function sectionOf(text: string): Section | null {
  const end = text.indexOf("\n");
  const [, part, file] = SECTION.exec(text.slice(0, end)) ?? [];
  return part && file ? { part, file, text: `${text.slice(end + 1).trimEnd()}\n` } : null;
}
