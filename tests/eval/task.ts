/**
 * What an evaluation task is: words as a person would file them, tests that the factory never sees, and what a
 * scripted model answers. There are bugs in public packages, of which only the few characters that a bug replaces are
 * kept here, and tasks of our own, which are files with everything in them (see task-file.ts).
 */

/** Replaces the one place where `find` occurs. */
export interface Edit {
  file: string;
  find: string;
  replace: string;
}

export interface NewFile {
  file: string;
  content: string;
}

interface Words {
  /** Also the name of its repository. */
  name: string;
  stack: "python" | "node";
  /** As an issue says it: what is seen, not what to do about it. */
  title: string;
  description: string;
}

/** A public package with a bug in it; the package's own tests decide. */
export interface PackageTask extends Words {
  /** Debian's name of the source package, and upstream's version as Debian counts it. */
  source: { debian: string; version: string };
  /** A shell line in place of what the toolchain finds; it counts by its exit code. */
  commands?: { test: string };
  inject: readonly Edit[];
  /** What the scripted model does about it; the way back when left out. */
  mend?: readonly Edit[];
  /** Tests that fail with the bug, as a tester would add them. */
  addTest: readonly NewFile[];
  /** Git's pathspecs of the package's own tests: what a change did to them does not count when it is judged. */
  suite: readonly string[];
  /** Files of the package's own tests that nobody sees before the judgement, because they would tell too much. */
  hidden?: readonly string[];
  /** The package's own tests are not all green here before anything is touched. */
  redBefore?: true;
}

/** A task of our own: something new, or a change to a small repository. */
export interface OwnTask extends Words {
  kind: "build" | "change";
  /** The repository before the change; nothing for something new. */
  base: readonly NewFile[];
  /** The reference solution: whole files, and edits of files of the base. */
  reference: readonly NewFile[];
  edits: readonly Edit[];
  /** Tests as a tester would write them. */
  tests: readonly NewFile[];
  /** Decide whether it is resolved; nobody sees them before. */
  hidden: readonly NewFile[];
  /** Made in the reference solution they go against the description, and `tests` do not notice. */
  slips: readonly Edit[];
}

export type EvalTask = PackageTask | OwnTask;
export type TaskKind = OwnTask["kind"];

export const isPackage = (task: EvalTask): task is PackageTask => "source" in task;
export const kindOf = (task: EvalTask): TaskKind => (isPackage(task) ? "change" : task.kind);

/** The edits that mend the bug in a package. */
export function mendOf(task: PackageTask): readonly Edit[] {
  return (
    task.mend ??
    task.inject.map(({ file, find, replace }) => ({ file, find: replace, replace: find })).reverse()
  );
}

/** All files of the reference solution of a task of our own, without tests. */
export function solutionOf({ base, reference, edits }: OwnTask): NewFile[] {
  const replaced = new Set(reference.map(({ file }) => file));
  return withEdits([...base.filter(({ file }) => !replaced.has(file)), ...reference], edits);
}

/**
 * Files with edits made in them.
 * @throws Error when an edit names a file that is not there, or its place is missing or not the only one
 */
export function withEdits(files: readonly NewFile[], edits: readonly Edit[]): NewFile[] {
  const made = new Map(files.map(({ file, content }) => [file, content]));
  for (const edit of edits) {
    const text = made.get(edit.file);
    if (text === undefined) throw new Error(`${edit.file} is to be edited and is not there.`);
    made.set(edit.file, edited(text, edit));
  }
  return [...made].map(([file, content]) => ({ file, content }));
}

/**
 * The text with one edit made.
 * @throws Error when the place is missing or not the only one
 */
export function edited(text: string, { file, find, replace }: Edit): string {
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new Error(
      `${file} has ${parts.length - 1} places that read ${JSON.stringify(find)}; it needs one.`,
    );
  return parts.join(replace);
}
