// What a repository needs to be installed, as far as a cache must know it: the command, everything that its outcome
// depends on as one key, and what later programs need to find it. Pure: it is given paths and object ids.
import { createHash } from "node:crypto";
import { nameOf, ownFiles, within } from "./workspace-files";

/** Raised when the same inputs would lead to another layer. */
const LAYOUT = 1;

/** Files from which installers read what they install, and how. */
const REQUIREMENTS = /(?:^|[/_.-])(?:requirements|constraints)[^/]*(?:\/[^/]+)?\.(?:txt|in)$/i;
const PYTHON = /(?:^|\/)(?:pyproject\.toml|setup\.py|setup\.cfg|Pipfile|(?:poetry|uv|pdm)\.lock)$/;
const MANIFESTS = [
  /(?:^|\/)package\.json$/,
  /(?:^|\/)(?:package-lock|npm-shrinkwrap)\.json$/,
  /(?:^|\/)(?:yarn\.lock|\.yarnrc(?:\.yml)?|pnpm-lock\.yaml|pnpm-workspace\.yaml|\.pnpmfile\.cjs|bun\.lockb?|\.npmrc)$/,
  /(?:^|\/)(?:\.(?:node|python)-version|\.nvmrc|Pipfile\.lock|(?:poetry|uv|pdm)\.toml)$/,
  PYTHON,
  REQUIREMENTS,
];
const MAKEFILES = ["GNUmakefile", "Makefile", "makefile"];

/** Where the packages of Python go: ignored by every snapshot, and nothing that a project has in its tree. */
const VENV = ".venv";
/** The interpreter's own packages, such as pytest, are seen behind the project's. */
const MAKE_VENV = `python3 -m venv --without-pip --system-site-packages /work/${VENV} || exit 1`;

/** A file of the tree and the id of its content. */
export interface TreeFile {
  path: string;
  oid: string;
}

export interface DependencySettings {
  /** Folder of the project, "" for the root of the repository. */
  folder: string;
  /** Shell line: the project's own, that of its fabrica.json, or the detected one; null when there is nothing to install. */
  setupCommand: string | null;
}

export interface DependencyPlan {
  /** SHA-256 of everything that the outcome depends on but the team and the sandbox's kind. */
  key: string;
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  /** Variables and folders in front of PATH (relative to /work) for the installation and every later program. */
  laterEnv: Record<string, string>;
  laterPath: string[];
  /** The files whose content is in the key. */
  keyed: string[];
}

/**
 * Says how a tree's dependencies are installed.
 * @param files all files of the tree
 * @returns null when nothing has to be installed
 */
export function planDependencies(
  files: readonly TreeFile[],
  { folder, setupCommand }: DependencySettings,
): DependencyPlan | null {
  if (setupCommand === null) return null;
  const root = folder === "" ? "." : folder;
  const paths = ownFiles(files.map(({ path }) => path));
  const named = new Set(namedIn(setupCommand, root));
  const keyed = paths.filter((path) => MANIFESTS.some((like) => like.test(path)) || named.has(path));
  const isBelow = (path: string) => root === "." || path.startsWith(`${root}/`);
  const python =
    paths.some((path) => isBelow(path) && (PYTHON.test(path) || REQUIREMENTS.test(path))) ||
    /\b(?:python3?|pip3?)\b/.test(setupCommand);
  const oids = new Map(files.map(({ path, oid }) => [path, oid]));
  const argv = ["sh", "-c", python ? `${MAKE_VENV}\n${setupCommand}` : setupCommand];
  const env = { ...QUIET };
  const content = keyed.sort().map((path) => [path, oids.get(path)]);
  return {
    key: createHash("sha256")
      .update(JSON.stringify([LAYOUT, root, argv, env, content]))
      .digest("hex"),
    argv,
    cwd: root,
    env,
    laterEnv: python ? { VIRTUAL_ENV: `/work/${VENV}` } : {},
    laterPath: python ? [`${VENV}/bin`] : [],
    keyed,
  };
}

/** Nobody answers questions there, and nobody reads advertisements. */
const QUIET = {
  CI: "1",
  NO_COLOR: "1",
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false",
  npm_config_progress: "false",
  PIP_NO_CACHE_DIR: "1",
  PIP_NO_INPUT: "1",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_PROGRESS_BAR: "off",
};
/** Paths that the words of a shell line may mean: a script that is changed makes another layer. */
function namedIn(line: string, root: string): string[] {
  const words = line.split(/[\s;&|()<>"'`=]+/).filter((word) => /^[\w./@+-]+$/.test(word));
  const named = words.map((word) => normal(within(root, word)));
  if (!words.some((word) => nameOf(word) === "make")) return named;
  return [...named, ...MAKEFILES.map((name) => within(root, name))];
}

function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

/** What is missing in a sandbox, as one sentence, when the output of an installer says so; else null. */
export function missingProgram(output: string): string | null {
  if (/No module named '?pip'?\b/.test(output))
    return "This sandbox has no pip: install python3-pip in the runner's image, or on the runner's host for bubblewrap.";
  if (/No module named '?venv'?\b/.test(output))
    return "This sandbox's Python has no venv: install python3-venv in the runner's image, or on the runner's host for bubblewrap.";
  const program = /(?:^|\s|: )(npm|npx|python3|pip3?|make|yarn|pnpm): (?:command )?not found\b/m.exec(
    output,
  )?.[1];
  return program ? `This sandbox has no ${program}: it has to be installed in the runner's image.` : null;
}

/** Whether an installer stopped because the disk was full. */
export function wasTooLarge(output: string): boolean {
  return /ENOSPC|No space left on device|Disk quota exceeded/i.test(output);
}
