// How an existing repository is set up and checked, proposed from what lies in it. Pure: it is given paths and texts.
// What it proposes is a proposal; fabrica.json and the project's record outrank it.

import type { Toolchain } from "../domain/stacks";
import { nodeProposal } from "./node-proposal";
import type { FileList } from "./port";
import { CONFIG_FILE } from "./project-config";
import { type ProjectView, type Proposal, type ReadText, viewOf } from "./project-view";
import { pythonProposal } from "./python-proposal";
import { TOOLCHAINS } from "./registry";
import { tellingFiles } from "./telling-files";
import { folderOf, nameOf } from "./workspace-files";

export interface DetectedCommands {
  /** Names of `server/domain/stacks.ts`. */
  tech_stack: string[];
  /** Shell lines for the project's folder; null when none is needed, or the toolchain knows by itself. */
  setup_command: string | null;
  lint_command: string | null;
  test_command: string | null;
  /** There is a fabrica.json, in the project's folder or in the root. */
  has_config: boolean;
  /** Plain sentences for people. */
  notes: string[];
}

const PYTHON_MARKERS = [
  "pyproject.toml",
  "setup.py",
  "setup.cfg",
  "requirements.txt",
  "Pipfile",
  "manage.py",
];
/** A language without a manifest counts from this part of the source files on. */
const ENOUGH = 0.2;

/**
 * @param files paths of the repository's files, `/` separated
 * @param readText a file's text, null when it is not there, no text, or was not read; `tellingFiles` names those
 *   that are asked for
 * @param folder the project's folder, "" for the root
 */
export function detectProject(files: FileList, readText: ReadText, folder: string): DetectedCommands {
  const view = viewOf(files, readText, folder);
  const proposals = proposalsFor(view);
  const first = <T>(pick: (one: Proposal) => T | null) =>
    proposals.map(pick).find((value) => value !== null) ?? null;
  const setups = proposals.flatMap(({ setup }) => (setup === null ? [] : [setup]));
  const tested = toolchainsWithTests(view);
  const test = first((one) => one.test) ?? (tested.size > 0 ? null : makeTests(view));
  return {
    tech_stack: [...new Set(proposals.flatMap((one) => one.techStack))],
    setup_command: setups.length > 0 ? setups.join(" && ") : null,
    lint_command: first((one) => one.lint),
    test_command: test,
    has_config: view.has(CONFIG_FILE) || files.includes(CONFIG_FILE),
    notes: [
      ...repositoryNotes(files, readText),
      ...proposals.flatMap((one) => one.notes),
      ...folderNotes(view, proposals, tested, test),
    ],
  };
}

function proposalsFor(view: ProjectView): Proposal[] {
  const node = view.files.filter((file) => /\.[cm]?[jt]sx?$/.test(file)).length;
  const python = view.files.filter((file) => file.endsWith(".py")).length;
  const enough = (count: number) => count > 0 && count >= ENOUGH * (node + python);
  const languages = [
    {
      weight: node,
      there: view.has("package.json") || enough(node),
      propose: nodeProposal,
    },
    {
      weight: python,
      there: (python > 0 && PYTHON_MARKERS.some((name) => view.has(name))) || enough(python),
      propose: pythonProposal,
    },
  ];
  return languages
    .filter((one) => one.there)
    .sort((a, b) => b.weight - a.weight)
    .map((one) => one.propose(view));
}

/** The toolchains that find tests here; a few thousand files are enough to see that. */
function toolchainsWithTests(view: ProjectView): ReadonlySet<Toolchain> {
  const files = tellingFiles(view.files);
  const found = Object.values(TOOLCHAINS).filter((toolchain) => toolchain.test(files, view.read) !== null);
  return new Set(found.map(({ name }) => name));
}

/** `make test` where a Makefile has such a target and nothing else is known. */
function makeTests(view: ProjectView): string | null {
  const name = ["GNUmakefile", "Makefile", "makefile"].find((one) => view.has(one));
  const text = name ? (view.read(name) ?? "") : "";
  const target = ["test", "check"].find((one) => new RegExp(`^${one}\\s*:(?!=)`, "m").test(text));
  return target ? `make ${target}` : null;
}

function repositoryNotes(files: FileList, readText: ReadText): string[] {
  const notes: string[] = [];
  if (files.includes(".gitmodules")) notes.push("Submodules are left alone: their folders stay empty.");
  const attributes = files.filter((file) => nameOf(file) === ".gitattributes");
  if (attributes.some((file) => /\bfilter=lfs\b/.test(readText(file) ?? "")))
    notes.push("Files in Git LFS are left alone: there is only their pointer.");
  return notes;
}

function folderNotes(
  view: ProjectView,
  proposals: readonly Proposal[],
  tested: ReadonlySet<Toolchain>,
  test: string | null,
): string[] {
  if (view.files.length === 0) return ["There are no files in this folder."];
  if (proposals.length === 0)
    return ["There is neither Python nor JavaScript here: name the lint and test commands."];
  const notes: string[] = [];
  const manifests = view.files.filter((file) =>
    /(^|\/)(package\.json|pyproject\.toml|setup\.py)$/.test(file),
  );
  if (manifests.length > 0 && manifests.every((file) => file.includes("/"))) {
    const folders = [...new Set(manifests.map(folderOf))];
    const shown = folders.slice(0, 5).join(", ");
    notes.push(
      `The manifests lie in ${shown}${folders.length > 5 ? " and further folders" : ""}: choose one as the project's folder, or name a setup command.`,
    );
  }
  if (test === null && tested.size === 0)
    notes.push("No tests were found: name a test command if there are some.");
  if (test !== null && testsBeside(proposals, tested))
    notes.push(`With ${test} as the test command, only the tests that it runs are looked at.`);
  return notes;
}

/** Tests of a language whose proposal does not bring the test command. */
function testsBeside(proposals: readonly Proposal[], tested: ReadonlySet<Toolchain>): boolean {
  return proposals.some(
    (one) => one.test === null && tested.has(one.techStack.includes("python") ? "python" : "node"),
  );
}
