// What a folder's package.json and lock files say about installing and checking it. A command is proposed only where
// the toolchain does not know by itself: then it reads single results, which a command of the project does not give.
import { runnerOfScript, scriptParts, usesBuild } from "./package-scripts";
import type { ProjectView, Proposal } from "./project-view";

export interface PackageJson {
  scripts: Record<string, string>;
  /** Names of everything that it depends on, in whatever way. */
  dependencies: ReadonlySet<string>;
  packageManager: string | null;
  workspaces: boolean;
}

const DEPENDENCY_FIELDS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
const FRAMEWORKS: [dependency: string, stack: string][] = [
  ["express", "express"],
  ["react", "react"],
  ["vue", "vue"],
  ["next", "nextjs"],
  ["vite", "vite"],
];
const LOCKS: [file: string, manager: string][] = [
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
];
/** Linters that eslint with our rules does not stand for. */
const OTHER_LINTERS = new Set(["biome", "jshint", "oxlint", "semistandard", "standard", "tslint", "xo"]);
/** `npm install` must neither run the packages' scripts nor change the tree. */
const QUIET = "--ignore-scripts --no-audit --no-fund";

/** A package.json; null when it is none that can be read. */
export function readPackageJson(text: string | null): PackageJson | null {
  const value = parsed(text);
  if (value === null) return null;
  const names = DEPENDENCY_FIELDS.flatMap((field) => Object.keys(record(value[field])));
  const scripts = Object.entries(record(value.scripts)).filter(([, script]) => typeof script === "string");
  return {
    scripts: Object.fromEntries(scripts) as Record<string, string>,
    dependencies: new Set(names),
    packageManager: typeof value.packageManager === "string" ? value.packageManager : null,
    workspaces: value.workspaces !== undefined,
  };
}

function parsed(text: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** What is proposed for a folder with JavaScript or TypeScript. */
export function nodeProposal(view: ProjectView): Proposal {
  const typescript =
    view.has("tsconfig.json") || view.files.some((file) => /(?<!\.d)\.[cm]?tsx?$/.test(file));
  const base = typescript ? "typescript" : "node";
  if (!view.has("package.json")) return { techStack: [base], setup: null, lint: null, test: null, notes: [] };
  const manifest = readPackageJson(view.read("package.json"));
  if (manifest === null) {
    const notes = ["package.json cannot be read, so nothing is proposed from it."];
    return { techStack: [base], setup: null, lint: null, test: null, notes };
  }
  const { setup, notes } = setupOf(view, manifest);
  const test = runnerOfScript(manifest.scripts, "test") === "own" ? "npm test" : null;
  if (test === null && usesBuild(manifest.scripts)) {
    notes.push("The test script builds first; name a test command if the tests need what is built.");
  }
  return {
    techStack: [base, ...FRAMEWORKS.filter(([name]) => manifest.dependencies.has(name)).map(([, to]) => to)],
    setup,
    lint: otherLinter(manifest.scripts) ? "npm run lint" : null,
    test,
    notes,
  };
}

/** Whether the lint script is there and uses another linter than eslint, and no eslint beside it. */
function otherLinter(scripts: Record<string, string>): boolean {
  const programs = scriptParts(scripts, "lint").map((part) => part.program);
  return programs.some((program) => OTHER_LINTERS.has(program)) && !programs.includes("eslint");
}

interface Setup {
  setup: string | null;
  notes: string[];
}

function setupOf(view: ProjectView, manifest: PackageJson): Setup {
  const locks = LOCKS.filter(([file]) => view.has(file));
  const managers = [...new Set(locks.map(([, manager]) => manager))];
  const notes: string[] = [];
  const named = /^(npm|pnpm|yarn|bun)@/.exec(manifest.packageManager ?? "")?.[1];
  const manager = named && (managers.includes(named) || managers.length === 0) ? named : managers[0];
  if (managers.length > 1) {
    notes.push(`There are lock files of ${managers.join(" and ")}; ${manager} is proposed.`);
  }
  if (managers.length === 0) {
    const workspace = fromWorkspace(view);
    if (workspace) return workspace;
  }
  if (manifest.dependencies.size === 0 && !manifest.workspaces) return { setup: null, notes };
  if (managers.length === 0 || manager === "bun") {
    notes.push(
      manager === "bun"
        ? "Bun is not in the sandbox: npm installs the packages, without bun's lock file."
        : "There is no lock file, so each setup may install other versions.",
    );
    return { setup: `npm install ${QUIET} --no-package-lock`, notes };
  }
  return { setup: installLine(manager ?? "npm", manifest, view.read("yarn.lock")), notes };
}

/** A member of a workspace has its lock file in a folder above. */
function fromWorkspace(view: ProjectView): Setup | null {
  for (const up of view.above) {
    const lock = LOCKS.find(([file]) => view.hasAbove(up, file));
    if (!lock) continue;
    const manifest = readPackageJson(view.readAbove(up, "package.json"));
    const isWorkspace = manifest?.workspaces || view.hasAbove(up, "pnpm-workspace.yaml");
    if (!manifest || !isWorkspace || lock[1] === "bun") return null;
    const line = installLine(lock[1], manifest, view.readAbove(up, "yarn.lock"));
    return {
      setup: `cd ${up} && ${line}`,
      notes: ["This folder belongs to a workspace above it, so everything of that is installed."],
    };
  }
  return null;
}

/** pnpm and yarn are fetched by npm in the version that the project names, because a sandbox has only npm. */
function installLine(manager: string, { packageManager }: PackageJson, yarnLock: string | null): string {
  const version = /@(\d[\w.-]*)/.exec(packageManager ?? "")?.[1];
  switch (manager) {
    case "pnpm":
      return `npx --yes pnpm@${version ?? "9"} install --frozen-lockfile --ignore-scripts`;
    case "yarn": {
      const classic = version ? version.startsWith("1.") : /^# yarn lockfile v1/m.test(yarnLock ?? "");
      return classic
        ? `npx --yes yarn@${version ?? "1"} install --frozen-lockfile --ignore-scripts --non-interactive`
        : `npx --yes --package @yarnpkg/cli-dist@${version ?? "4"} yarn install --immutable --mode=skip-build`;
    }
    default:
      return `npm ci ${QUIET}`;
  }
}
