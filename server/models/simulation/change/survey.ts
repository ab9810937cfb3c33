// What every role of a change job finds out before it does anything: the layout, the neighbours' style, and for each new
// file a name that is free or is this job's own file already. It asks by tool calls until nothing is open; everything
// follows from the messages, so coder, tester and fixer come to the same files. No file of others is ever chosen.
import { ModelError } from "../../port";
import type { Conversation, Job } from "../conversation";
import { textOf } from "../listing";
import { pascal } from "../names";
import type { SourceFile } from "../project";
import type { PlannedCall } from "../roles/answer";
import { type Conventions, conventionsOf } from "./conventions";
import { type Layout, layoutOf } from "./layout";
import { type ChangeTask, changeTasks } from "./modules";
import { nodeModule } from "./node-module";
import { nodeTest } from "./node-test";
import { pythonModule, pythonTest } from "./python-module";
import { LISTING, type Tree, treeOf } from "./tree";

/** A file of this job, and whether the workspace has it already. */
export interface Placed {
  file: SourceFile;
  present: boolean;
}

/** What was asked for, or the calls that will tell more. */
export type Looked<T> = { open: PlannedCall[] } | { found: T };

export interface Surveyed {
  task: ChangeTask;
  module: Placed;
  /** The test's file, and files without which runners would not find it. */
  test(): Looked<{ test: Placed; extra: SourceFile[] }>;
}

/** Names that are tried for one file before it is given up. */
const MAX_NAMES = 20;

/** Where task n has its files. */
export function survey(talk: Conversation, job: Job, titles: readonly string[], n: number): Looked<Surveyed> {
  const tree = treeOf(talk);
  if (tree === null) return { open: [{ name: "run", input: { command: LISTING } }] };
  const tasks = changeTasks(job, titles);
  const task = tasks[n - 1];
  if (!task) throw new ModelError("invalid", `There is no task ${n}.`);
  const layout = layoutOf(
    tree.files,
    job,
    tasks.map(({ module }) => module.name),
  );
  const reads = readsOf(talk);
  const wanted = [layout.manifest, layout.likeSource, layout.likeTest].filter((path) => path !== null);
  const unread = [...new Set(wanted)].filter((path) => !reads.has(path));
  if (unread.length > 0) return { open: unread.map(read) };
  const text = (path: string | null) => (path === null ? null : (reads.get(path)?.text ?? null));
  const texts = {
    manifest: text(layout.manifest),
    source: text(layout.likeSource),
    test: text(layout.likeTest),
  };
  const conventions = conventionsOf(layout, texts);
  const module = place(tree, reads, (suffix) => moduleFile(task, layout, conventions, suffix));
  if ("read" in module) return { open: [read(module.read)] };
  const testOf = testFile(task, layout, conventions, module.file.path, texts.test);
  const findTest = (): ReturnType<Surveyed["test"]> => {
    const test = place(tree, reads, testOf);
    return "read" in test
      ? { open: [read(test.read)] }
      : { found: { test, extra: packageOfTests(tree, layout) } };
  };
  return { found: { task, module, test: findTest } };
}

const read = (path: string): PlannedCall => ({ name: "read", input: { path } });

interface Reading {
  /** Null when there is no such file. */
  text: string | null;
}

function readsOf({ past }: Conversation): Map<string, Reading> {
  const reads = new Map<string, Reading>();
  for (const { call, result } of past) {
    const path = call.name === "read" && (call.input as { path?: unknown }).path;
    if (typeof path !== "string" || !result) continue;
    // What cannot be read for another reason is there, and not ours.
    const absent = result.isError && /\bno (?:such )?file\b/i.test(result.content);
    reads.set(path, { text: absent ? null : result.isError ? "" : textOf(result.content) });
  }
  return reads;
}

/** The first name that is free, or whose file this job wrote; or the file that must be read to know. */
function place(
  tree: Tree,
  reads: Map<string, Reading>,
  make: (suffix: string) => SourceFile,
): Placed | { read: string } {
  const names = new Set(tree.files);
  const folded = new Set(tree.files.map((file) => file.toLowerCase()));
  for (let number = 1; number <= MAX_NAMES; number += 1) {
    const file = make(number === 1 ? "" : String(number));
    // A twin that differs in case only would be the same file on other systems.
    if (!names.has(file.path) && folded.has(file.path.toLowerCase())) continue;
    // Lists leave out what is ignored, so that only looking tells what is free.
    const known = reads.get(file.path);
    if (known === undefined) return { read: file.path };
    if (known.text === null) return { file, present: false };
    if (isOurs(known.text, file.content)) return { file, present: true };
  }
  throw new ModelError("invalid", "No name is free for a new file.");
}

/** Whether a file holds nearly the lines that this job writes, perhaps with a mistake in them. */
function isOurs(text: string, content: string): boolean {
  const there = new Set(text.split("\n").map((line) => line.trim()));
  const own = content
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  return own.filter((line) => there.has(line)).length >= own.length * 0.7;
}

function fileName(name: string, suffix: string, { words }: Layout): string {
  const parts = [...name.split("_"), suffix].filter(Boolean);
  if (words === "camel") {
    const joined = pascal(parts.join("_"));
    return joined.charAt(0).toLowerCase() + joined.slice(1);
  }
  return parts.join(words === "snake" ? "_" : "-");
}

function moduleFile(task: ChangeTask, layout: Layout, conventions: Conventions, suffix: string): SourceFile {
  const written =
    layout.stack === "python" ? pythonModule(task.module) : nodeModule(task.module, conventions);
  const ending = layout.stack === "python" ? layout.ending : endingOf(layout, conventions);
  return { path: `${layout.sources}${fileName(task.module.name, suffix, layout)}${ending}`, ...written };
}

/** A module must not be read as the other system by an ending that says otherwise. */
const endingOf = ({ ending }: Layout, { esm }: Conventions) => (ending === ".cjs" && esm ? ".js" : ending);

function testFile(
  task: ChangeTask,
  layout: Layout,
  conventions: Conventions,
  path: string,
  likeTest: string | null,
): (suffix: string) => SourceFile {
  const name = path.slice(layout.sources.length).replace(/\.[^.]+$/, "");
  const ending = path.slice(path.lastIndexOf("."));
  const content =
    layout.stack === "python"
      ? pythonTest(task.module, dottedName(layout, name, likeTest), pytestStyle(likeTest))
      : nodeTest(task.module, importPath(layout.tests, path, conventions), conventions);
  return (suffix) => {
    const own = layout.testName.replace("*", fileName(name, suffix, layout));
    return { path: `${layout.tests}${own}${ending}`, content };
  };
}

/** Tests are plain functions where the neighbour's are; a TestCase is run by both runners. */
function pytestStyle(test: string | null): boolean {
  return (
    test !== null &&
    /^[^\S\r\n\u2028\u2029]*(?:import pytest|from pytest\b)|^(?:async )?def test_/m.test(test)
  );
}

/** Modules that lie in \`src\` without a package are imported as the neighbour's test does it. */
function dottedName({ dotted }: Layout, name: string, test: string | null): string {
  const bare =
    dotted === "src." && test !== null && !/^[^\S\r\n\u2028\u2029]*(?:from|import) src\b/m.test(test);
  return `${bare ? "" : dotted}${name}`;
}

/** The way from the folder of tests to a module. */
function importPath(tests: string, path: string, { typescript, importEnding }: Conventions): string {
  const from = tests.split("/").filter(Boolean);
  const to = path.split("/");
  let same = 0;
  while (same < from.length && same < to.length - 1 && from[same] === to[same]) same += 1;
  const up = "../".repeat(from.length - same) || "./";
  const way = `${up}${to.slice(same).join("/")}`;
  return typescript ? way.replace(/\.[cm]?ts$/, importEnding) : way;
}

/** Unittest looks only into packages, so a new folder of tests is made one. */
function packageOfTests(tree: Tree, { stack, tests, testsExist, sources }: Layout): SourceFile[] {
  const path = `${tests}__init__.py`;
  const missing =
    stack === "python" && tree.complete && !testsExist && tests !== sources && !tree.files.includes(path);
  return missing ? [{ path, content: "" }] : [];
}
