// SPEC.md: written by the simulated planner, read back by every later role.
import { describeModule } from "./describe";
import type { Project } from "./project";
import { forMarkdown, oneLine } from "./text";

const KINDS = { http: "HTTP service", cli: "command line tool", library: "library" } as const;

/** The whole SPEC.md of a project; in short, it leaves out how each task behaves in detail. */
export function writeSpec(project: Project, short = false): string {
  const languages = project.toolchains
    .map((toolchain) => (toolchain === "python" ? "Python 3.11" : "JavaScript on Node 20"))
    .join(" and ");
  const behaviour = project.tasks
    .map(
      (task) =>
        `### ${forMarkdown(task.title)}\n\n${task.modules.flatMap((module) => describeModule(project, module)).join("\n")}\n`,
    )
    .join("\n");
  return `# ${forMarkdown(project.title)}

${forMarkdown(project.description) || forMarkdown(project.title)}

Kind: ${KINDS[project.kind]}, written in ${languages} with the standard library only.

${short ? "" : `## Behaviour\n\n${behaviour}\n`}## Tasks

${project.tasks.map((task) => `- [ ] ${oneLine(task.title)}`).join("\n")}

## Acceptance

- Every task has tests that use what it offers from outside, for the good case, for input that is not valid, and for what does not exist.
- Lint reports nothing, and all tests pass.
- The README says how to run it and how to test it.
`;
}

/** Titles of the checklist under `## Tasks`, ticked or not, or of all lists where there is no such section. */
export function tasksOfSpec(spec: string): string[] {
  const [, section = spec] = /^## Tasks[ \t]*\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(spec) ?? [];
  return [...section.matchAll(/^[ \t]*[-*] \[[ xX]\] (.+)$/gm)]
    .map((match) => oneLine(match[1]!))
    .filter(Boolean);
}
