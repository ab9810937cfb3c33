/**
 * What an evaluation task is: a public package, a bug put into it, words as a person would report it, and what a
 * scripted model answers. Only the few characters that a bug replaces are kept here, never the package itself.
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

export interface EvalTask {
  /** Also the name of its repository. */
  name: string;
  stack: "python" | "node";
  /** Debian's name of the source package, and upstream's version as Debian counts it. */
  source: { debian: string; version: string };
  /** A shell line in place of what the toolchain finds; it counts by its exit code. */
  commands?: { test: string };
  /** As an issue says it: what is seen, not what to do about it. */
  title: string;
  description: string;
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

/** The edits that mend a task's bug. */
export function mendOf(task: EvalTask): readonly Edit[] {
  return (
    task.mend ??
    task.inject.map(({ file, find, replace }) => ({ file, find: replace, replace: find })).reverse()
  );
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
