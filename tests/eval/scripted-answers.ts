/**
 * What a scripted model answers in each role of a task. `perfect` writes the reference solution; `plausible` one with
 * a slip that its own tests do not notice; `never-green` code that cannot even be read, and a fixer that finds nothing.
 */
import {
  type EvalTask,
  isPackage,
  mendOf,
  type NewFile,
  type OwnTask,
  type PackageTask,
  solutionOf,
  withEdits,
} from "./task";

export const BEHAVIOURS = ["perfect", "plausible", "never-green"] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** One call of a tool. */
export interface Call {
  name: string;
  input: Record<string, unknown>;
}

/** By role, what it calls in each of its turns; the last one is said again. */
export type Answers = Readonly<Record<string, readonly (readonly Call[])[]>>;

/** Everything that is answered for a task. */
export function answersOf(task: EvalTask, behaviour: Behaviour): Answers {
  const tests = isPackage(task) ? packageTests(task, behaviour) : task.tests;
  const names = tests.map(({ file }) => file);
  return {
    planner: [[finish({ spec: specOf(task) })]],
    coder: [
      ...(isPackage(task) ? mending(task, behaviour) : writing(task, behaviour)),
      [finish({ summary: `Done: ${task.title}` })],
    ],
    tester: [
      ...(tests.length > 0 ? [tests.map(writeCall)] : []),
      [finish({ summary: "Tests of what was asked for.", test_files: names })],
    ],
    fixer: [[finish({ summary: "Looked.", root_cause: "Not found.", files_changed: [] })]],
  };
}

/** Nothing is known that would go wrong in a package and not be noticed: without its mend it stays as it was. */
const packageTests = (task: PackageTask, behaviour: Behaviour) =>
  behaviour === "plausible" ? [] : task.addTest;

function mending(task: PackageTask, behaviour: Behaviour): Call[][] {
  if (behaviour !== "perfect") return [];
  const mend = mendOf(task);
  return [
    [...new Set(mend.map(({ file }) => file))].map((path) => ({ name: "read", input: { path } })),
    mend.map(editCall),
  ];
}

function writing(task: OwnTask, behaviour: Behaviour): Call[][] {
  const looking = task.edits.map(({ file }) => ({ name: "read", input: { path: file } }));
  if (behaviour === "perfect")
    return [
      ...(looking.length > 0 ? [looking] : []),
      [...task.reference.map(writeCall), ...task.edits.map(editCall)],
    ];
  const before = new Map(task.base.map(({ file, content }) => [file, content]));
  const right = solutionOf(task);
  const made = behaviour === "plausible" ? withEdits(right, task.slips) : right.map(unreadable);
  return [made.filter(({ file, content }) => before.get(file) !== content).map(writeCall)];
}

/** No parser of the two stacks reads it. */
const unreadable = ({ file, content }: NewFile): NewFile => ({
  file,
  content: /\.(?:py|[cm]?js)$/.test(file) ? `${content}\n)(\n` : content,
});

const writeCall = ({ file, content }: NewFile): Call => ({ name: "write", input: { path: file, content } });
const editCall = ({ file, find, replace }: OwnTask["edits"][number]): Call => ({
  name: "edit",
  input: { path: file, old: find, new: replace },
});
const finish = (input: Record<string, unknown>): Call => ({ name: "finish", input });

function specOf(task: EvalTask): string {
  const { title, description } = task;
  const line = isPackage(task) ? "Mend what was reported" : title;
  return `# ${title}\n\n${description}\n\n## Tasks\n\n- [ ] ${line}\n`;
}
