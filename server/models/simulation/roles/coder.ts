// The simulated coder and tester: they put the files of their task into the workspace, as many a turn as the
// answer's limit allows, and finish when all calls were answered.

import type { Conversation } from "../conversation";
import { replacementBetween } from "../edits";
import { withMistakes } from "../faults";
import { errs, type SimulationModel } from "../model-name";
import type { Project, SourceFile } from "../project";
import { coderFiles, coderState, growingFiles, testerFiles } from "../writers";
import { finish, type PlannedAnswer, type PlannedCall, write } from "./answer";

/** The coder's next answer in task n. */
export function coderAnswer(
  talk: Conversation,
  project: Project,
  n: number,
  model: SimulationModel,
): PlannedAnswer {
  const title = project.tasks[n - 1]?.title ?? "";
  const erring = erringTurn(talk, n, model);
  if (erring) return erring;
  const files = withMistakes(coderFiles(project, n), model, n, project.seed);
  const calls = [
    ...missingFiles(talk, project, n, files),
    ...files.map((file) => write(file.path, file.content)),
    ...growth(talk, project, n),
  ];
  const paths = files.map((file) => file.path).filter((path) => !path.startsWith("."));
  const summary = `${title}: wrote ${paths.join(", ")} and registered it.`.slice(0, 2000);
  return finish(`Working on task ${n}: ${title}.`, { summary }, open(talk, calls));
}

/** The turn of a model that is told to go round in circles, or to give one answer that nobody can use. */
export function erringTurn(talk: Conversation, n: number, model: SimulationModel): PlannedAnswer | null {
  if (errs(model, "loop", n) || (errs(model, "lost", n) && talk.findings === null)) {
    return {
      text: "Let me look at the files first.",
      calls: [{ name: "run", input: { command: "ls" } }],
    };
  }
  return errs(model, "garbage", n) && talk.turns === 0 ? garbage(n) : null;
}

/** The tester's next answer in task n. */
export function testerAnswer(
  talk: Conversation,
  project: Project,
  n: number,
  model: SimulationModel,
): PlannedAnswer {
  const seen = testerFiles(project, n);
  const held = heldTests(talk, seen, n);
  // Where nothing is to be held back here, somebody else has held back tests already.
  const blind = errs(model, "blind", n) && (held.length > 0 || talk.hold === null);
  const files = [...(blind ? seen.filter((file) => !isFeatureTest(project, file, n)) : seen), ...held];
  const calls = files.map((file) => write(file.path, file.content));
  const title = project.tasks[n - 1]?.title ?? "";
  const tests = files.map((file) => file.path).filter(isTest);
  const summary = `Tests for ${title}: they use the real program from outside, with good input and bad.`;
  const held_back = held.map(({ path }) => path);
  return finish(
    `Writing tests for task ${n}: ${title}.`,
    { summary, test_files: tests, held_back },
    open(talk, calls),
  );
}

const isTest = (path: string) => /(^|\/)test_[^/]+\.py$|\.test\.js$/.test(path);

/** Of the first task the test of its last module a second time, under another name; held back where that is wanted. */
function heldTests(talk: Conversation, seen: readonly SourceFile[], n: number): SourceFile[] {
  const like = seen.findLast(({ path }) => isTest(path));
  return talk.hold !== null && n === 1 && like ? unseen(like) : [];
}

/** The same test under a name that nobody else chooses; none when the name cannot be told from a test's. */
export function unseen({ path, content }: SourceFile): SourceFile[] {
  const named = /_test\.py$/.test(path)
    ? path.replace(/_test\.py$/, "_unseen_test.py")
    : path
        .replace(/((?:\.|-)(?:test|spec)\.[^./]+)$/, "-unseen$1")
        .replace(/((?:\/|^)test_[^/]+)\.py$/, "$1_unseen.py");
  return named === path ? [] : [{ path: named, content }];
}

function isFeatureTest(project: Project, { path }: SourceFile, n: number): boolean {
  const names = project.tasks[n - 1]?.modules.map(({ name }) => name) ?? [];
  return isTest(path) && names.some((name) => path.includes(name));
}

/** A tester who writes for no task but from the specification alone: all tests of the project, all held back. */
export function specTesterAnswer(talk: Conversation, project: Project): PlannedAnswer {
  const all = project.tasks.flatMap((task) => testerFiles(project, task.n));
  const files = new Map(
    all.flatMap((file) => (isTest(file.path) ? unseen(file) : [file])).map((file) => [file.path, file]),
  );
  const paths = [...files.keys()];
  const summary = "Tests from the specification alone; all of them are held back.";
  const calls = [...files.values()].map((file) => write(file.path, file.content));
  const tests = paths.filter(isTest);
  return finish(summary, { summary, test_files: tests, held_back: paths }, open(talk, calls));
}

/** Files of earlier tasks that the workspace lacks. Unknown when the list of files is cut or not given. */
function missingFiles(
  talk: Conversation,
  project: Project,
  n: number,
  own: { path: string }[],
): PlannedCall[] {
  const present = talk.files;
  if (n === 1 || present === null || present.some((line) => line.startsWith("…"))) return [];
  const growing = new Set(growingFiles(project, n).map((file) => file.path));
  return [...coderState(project, n - 1).values()]
    .filter(
      ({ path }) => !present.includes(path) && !growing.has(path) && !own.some((file) => file.path === path),
    )
    .map((file) => write(file.path, file.content));
}

/** Extends the files that grow: by an edit where the old text is known, else by writing them anew. */
function growth(talk: Conversation, project: Project, n: number): PlannedCall[] {
  const before = new Map(n > 1 ? growingFiles(project, n - 1).map((file) => [file.path, file.content]) : []);
  return growingFiles(project, n).flatMap((file): PlannedCall[] => {
    const was = talk.files && !talk.files.includes(file.path) ? undefined : before.get(file.path);
    const replacement = was === undefined ? null : replacementBetween(was, file.content);
    if (was === file.content) return [];
    return [
      replacement && !refused(talk, "edit", file.path)
        ? { name: "edit", input: { path: file.path, old: replacement.old, new: replacement.new } }
        : write(file.path, file.content),
    ];
  });
}

function refused(talk: Conversation, name: string, path: unknown): boolean {
  return talk.past.some(
    ({ call, result }) => call.name === name && pathOf(call.input) === path && result?.isError === true,
  );
}

/** Calls that were not made yet; a write that went wrong is tried a second time. */
export function open(talk: Conversation, calls: PlannedCall[]): PlannedCall[] {
  return calls.filter(({ name, input }) => {
    const made = talk.past.filter(
      ({ call }) => call.name === name && pathOf(call.input) === input.path && hasText(call.input),
    );
    return made.length === 0 || (made.length === 1 && name === "write" && made[0]?.result?.isError === true);
  });
}

function pathOf(input: unknown): unknown {
  return typeof input === "object" && input !== null && "path" in input ? input.path : undefined;
}

function hasText(input: unknown): boolean {
  const content =
    typeof input === "object" && input !== null
      ? "content" in input
        ? input.content
        : "old" in input
          ? input.old
          : null
      : null;
  return typeof content === "string";
}

/** An answer nobody can use: words without a call in odd tasks, a call of the wrong types in even ones. */
function garbage(n: number): PlannedAnswer {
  if (n % 2 === 1) return { text: '{"tool": "write", "input": {"path": "src/', calls: [] };
  return { text: "", calls: [{ name: "write", input: { path: 42, content: ["not", "a", "text"] } }] };
}
