// Chooses who writes which part of a project, and puts the parts together into the state of the workspace that is
// meant after each task.
import { NODE_CLI, NODE_HTTP, NODE_LIBRARY } from "./node/writer";
import type { Kind, Project, SourceFile, Writer } from "./project";
import { PYTHON_CLI, PYTHON_HTTP, PYTHON_LIBRARY } from "./python/writer";
import { readme } from "./readme";
import { WEB } from "./web/pages";

const GITIGNORE = "__pycache__/\n*.pyc\n.pytest_cache/\n.ruff_cache/\nnode_modules/\ncoverage/\n*.tmp\n";

const TSCONFIG = `${JSON.stringify(
  {
    compilerOptions: {
      target: "es2023",
      module: "nodenext",
      allowJs: true,
      checkJs: true,
      noEmit: true,
      skipLibCheck: true,
      types: ["node"],
    },
    include: ["src"],
  },
  null,
  2,
)}\n`;

const WRITERS: Record<Kind, Record<"python" | "node", Writer>> = {
  http: { python: PYTHON_HTTP, node: NODE_HTTP },
  cli: { python: PYTHON_CLI, node: NODE_CLI },
  library: { python: PYTHON_LIBRARY, node: NODE_LIBRARY },
};

/** With both toolchains the service is in Python and its pages are served by Node. */
function writersFor({ kind, toolchains }: Project): Writer[] {
  if (toolchains.length > 1) return [PYTHON_HTTP, WEB];
  return toolchains.map((toolchain) => WRITERS[kind][toolchain]);
}

/** New files of the coder of task n; the first also lays the ground. */
export function coderFiles(project: Project, n: number): SourceFile[] {
  const writers = writersFor(project);
  const modules = project.tasks[n - 1]?.modules ?? [];
  return [
    ...(n === 1
      ? [
          { path: ".gitignore", content: GITIGNORE },
          ...(project.typescript && project.toolchains[0] === "node"
            ? [{ path: "tsconfig.json", content: TSCONFIG }]
            : []),
          ...writers.flatMap((writer) => writer.skeleton(project)),
        ]
      : []),
    ...modules.flatMap((module) => writers.flatMap((writer) => writer.feature(project, module))),
  ];
}

/** Files that each task extends, as they are after task n. */
export function growingFiles(project: Project, n: number): SourceFile[] {
  return [readme(project, n), ...writersFor(project).flatMap((writer) => writer.growing(project, n))];
}

/** New files of the tester of task n. */
export function testerFiles(project: Project, n: number): SourceFile[] {
  const writers = writersFor(project);
  const modules = project.tasks[n - 1]?.modules ?? [];
  return [
    ...(n === 1 ? writers.flatMap((writer) => writer.testBase(project)) : []),
    ...modules.flatMap((module) => writers.flatMap((writer) => writer.tests(project, module))),
  ];
}

/** Every file of coders up to task n, by path. */
export function coderState(project: Project, n: number): Map<string, SourceFile> {
  const tasks = project.tasks.slice(0, n).map((task) => task.n);
  return byPath([...tasks.flatMap((task) => coderFiles(project, task)), ...growingFiles(project, n)]);
}

/** Every file of coders and testers up to task n, by path. */
export function intendedState(project: Project, n: number): Map<string, SourceFile> {
  const tasks = project.tasks.slice(0, n).map((task) => task.n);
  return byPath([...coderState(project, n).values(), ...tasks.flatMap((task) => testerFiles(project, task))]);
}

function byPath(files: SourceFile[]): Map<string, SourceFile> {
  return new Map(files.map((file) => [file.path, file]));
}
