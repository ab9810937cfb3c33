// The specification of a change: what is added where, and what stays as it is. Written by the simulated planner, which
// has no tools, so it names folders and leaves the names of files to those who can look.
import type { Conversation, Job } from "../conversation";
import { catalogued } from "../functions";
import { camel, pascal } from "../names";
import { forMarkdown, oneLine } from "../text";
import { layoutOf } from "./layout";
import { type ChangeModule, changeTasks, changeTitles } from "./modules";
import { namedTree } from "./tree";

const LANGUAGES = { node: "JavaScript or TypeScript, as the files beside it", python: "Python" } as const;

/** The whole specification; in short, it leaves out how each task behaves in detail. */
export function changeSpec(talk: Conversation, job: Job, short = false): string {
  const { titles, left } = changeTitles(job);
  const tasks = changeTasks(job, titles);
  const tree = namedTree(talk);
  const layout = layoutOf(
    tree.files,
    job,
    tasks.map(({ module }) => module.name),
  );
  const behaviour = tasks.map(
    ({ title, module }) => `### ${forMarkdown(title)}\n\n${offers(module, layout.stack).join("\n")}\n`,
  );
  // Of a large tree only an outline is seen here; those who write the files look first.
  const place = (folder: string, like: string) =>
    !tree.complete ? `beside ${like}` : folder === "" ? "in the repository's root" : `in \`${folder}\``;
  return `# ${forMarkdown(job.title).slice(0, 200) || "Change"}

${forMarkdown(job.description).slice(0, short ? 200 : 4_000) || forMarkdown(job.title)}

Written in ${LANGUAGES[layout.stack]}, with its standard library only, in the way of the files that are there.

${short ? "" : `## Behaviour\n\n${behaviour.join("\n")}\n`}## What is added

- One new module for each task ${place(layout.sources, "the sources that are there")}, and its tests ${place(layout.tests, "the tests that are there")}.

## What stays as it is

- Every file that is there now. A name that is taken is not used; the new file gets the next free one.

## Out of scope

- Calling the new modules from the program that is there.
${left
  .slice(0, short ? 0 : 20)
  .map((wish) => `- ${forMarkdown(wish)}: the simulation does not know how.\n`)
  .join("")}
## Tasks

${tasks.map(({ title }) => `- [ ] ${oneLine(title)}`).join("\n")}

## Acceptance

- Every task has tests that fail without its module, for the good case and for input that is not valid.
- Lint reports nothing new, and all tests pass that passed before.
`;
}

function offers(module: ChangeModule, stack: "node" | "python"): string[] {
  if (module.shape === "function") {
    const { id, about, params } = catalogued(module.id);
    const name = stack === "python" ? id : camel(id);
    return [`- \`${name}(${params.map((param) => param.name).join(", ")})\`: ${about}`];
  }
  const fields = module.fields
    .map(({ name, required }) => (required ? `${name} (required)` : name))
    .join(", ");
  return [
    `- \`${pascal(module.name)}\`: records in memory with add, get, all, update and remove; fields ${fields}.`,
    "- Nothing that the simulation knows was asked for, so it adds this small collection and no more.",
  ];
}
