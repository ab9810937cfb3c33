// README.md of a project, as it is after each task.
import { describeModule } from "./describe";
import type { Project, SourceFile } from "./project";
import { forMarkdown } from "./text";

/** The README after task n: it describes what is there by then. */
export function readme(project: Project, n: number): SourceFile {
  const sections = project.tasks
    .slice(0, n)
    .map(
      (task) =>
        `### ${forMarkdown(task.title)}\n\n${task.modules.flatMap((module) => describeModule(project, module)).join("\n")}\n`,
    );
  const content = `# ${forMarkdown(project.title)}

${forMarkdown(project.description) || "A small project without dependencies."}

${usage(project)}
## Features

${sections.join("\n")}`;
  return { path: "README.md", content };
}

function usage(project: Project): string {
  if (project.toolchains.length > 1) return `${pythonUsage(project)}\n${webUsage()}`;
  return project.toolchains[0] === "python" ? pythonUsage(project) : nodeUsage(project);
}

function webUsage(): string {
  return `## Pages, with Node 20 or newer

\`\`\`sh
cd web
API_URL=http://127.0.0.1:8000 PORT=3000 node start.js
node --test
\`\`\`

The pages are plain modules without a build; everything that is no page is handed on to the service.
`;
}

const START = {
  http: {
    python: "python3 -m app --port 8000 --data data.json\n",
    node: "node src/index.js --port 8000 --data data.json\n",
  },
  cli: { python: "python3 -m app --help\n", node: "node src/index.js\n" },
  library: { python: "", node: "" },
} as const;

const STORAGE = {
  http: " Without `--data` the records live in memory only.",
  cli: " Records are kept in `data.json`, or in the file that `--file` names before the command.",
  library: "",
} as const;

function pythonUsage({ kind }: Project): string {
  return `## Run with Python 3.11 or newer

\`\`\`sh
${START[kind].python}python3 -m unittest discover
\`\`\`

Nothing has to be installed.${STORAGE[kind]}
`;
}

function nodeUsage(project: Project): string {
  const note = project.typescript
    ? "\nThe sources are JavaScript with types in JSDoc: they run on Node 20 without a build, and TypeScript checks them " +
      "(`tsconfig.json`) where `typescript` and `@types/node` are installed.\n"
    : "";
  return `## Run with Node 20 or newer

\`\`\`sh
${START[project.kind].node}node --test
\`\`\`

Nothing has to be installed.${STORAGE[project.kind]}
${note}`;
}
