// Reads the scripts of a package.json: which programs a script comes down to, and whether a toolchain knows its tests.
// A shell line is only looked at roughly; what is not understood counts as a program of the project's own.

type Scripts = Record<string, string>;

export interface ScriptPart {
  /** The program's name without folder and ending. */
  program: string;
  words: string[];
  /** The script that it stands in. */
  script: string;
}

/** Programs that only run another one. */
const WRAPPERS = new Set([
  "npx",
  "cross-env",
  "cross-env-shell",
  "nyc",
  "c8",
  "dotenv",
  "env",
  "time",
  "yarn",
  "pnpm",
]);
const LAUNCHERS = new Set(["npm", "yarn", "pnpm", "bun", "run-s", "run-p", "npm-run-all", "npm-run-all2"]);
const KNOWN_RUNNERS = new Set(["jest", "vitest"]);
const OTHER_RUNNERS = new Set(
  "mocha _mocha tape ava tap lab uvu jasmine karma qunit zora nodeunit vows".split(" "),
);
/** What stands in test scripts and tests nothing by running it. */
const NO_TESTS = new Set(
  (
    "eslint standard semistandard xo tslint biome oxlint jshint prettier tsc tsd publint attw size-limit echo exit " +
    "true rimraf rm mkdir cp cd webpack rollup tsup esbuild babel vite vue-tsc dtslint commitlint knip"
  ).split(" "),
);
const MAX_DEPTH = 5;

/** The programs that a script comes down to, with scripts that it calls put in their place. */
export function scriptParts(scripts: Scripts, name: string, depth: number = 0): ScriptPart[] {
  const line = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
  if (line === undefined || depth > MAX_DEPTH) return [];
  return line
    .split(/&&|\|\||[;|\n]/)
    .map((part) => part.trim().split(/\s+/).filter(Boolean))
    .filter((words) => words.length > 0)
    .flatMap((words) => {
      const called = calledScripts(scripts, words);
      return called.length > 0
        ? called.flatMap((one) => scriptParts(scripts, one, depth + 1))
        : [partOf(words, name)];
    });
}

function calledScripts(scripts: Scripts, words: string[]): string[] {
  const [launcher = "", ...rest] = words.filter((word) => !/^\w+=/.test(word));
  if (!LAUNCHERS.has(launcher)) return [];
  if (launcher === "npm" && !/^(run|run-script|test|t)$/.test(rest[0] ?? "")) return [];
  const names = rest[0] === "t" ? ["test"] : rest;
  const called = names.filter((word) => Object.hasOwn(scripts, word));
  return launcher.startsWith("run-") || launcher.startsWith("npm-run-all") ? called : called.slice(0, 1);
}

/** The program behind variables and wrappers; of `node file` it is the file. */
function partOf(words: string[], script: string): ScriptPart {
  let at = 0;
  const skip = (pattern: RegExp) => {
    while (at < words.length - 1 && pattern.test(words[at] ?? "")) at += 1;
  };
  skip(/^\w+=/);
  while (at < words.length - 1 && WRAPPERS.has(nameOf(words[at] ?? ""))) {
    at += 1;
    skip(/^-|^\w+=/);
  }
  const rest = words.slice(at);
  const program = nameOf(rest[0] ?? "");
  if (program === "node" && !rest.includes("--test")) {
    const file = rest.slice(1).find((word) => !word.startsWith("-"));
    const behind = nameOf(file ?? "");
    if (file && (KNOWN_RUNNERS.has(behind) || OTHER_RUNNERS.has(behind) || NO_TESTS.has(behind))) {
      return { program: behind, words: rest, script };
    }
  }
  return { program, words: rest, script };
}

const nameOf = (word: string) =>
  word
    .slice(word.lastIndexOf("/") + 1)
    .replace(/\.[cm]?js$/, "")
    .replace(/^['"]|['"]$/g, "");

function isKnown({ program, words }: ScriptPart): boolean {
  return (
    KNOWN_RUNNERS.has(program) || ((program === "node" || program === "tsx") && words.includes("--test"))
  );
}

/** Whether a part belongs to a script that builds what is tested. */
const isBuild = (part: ScriptPart) => /(^|:)(build|compile|bundle|prepare)(:|$)/.test(part.script);

/**
 * Who runs the tests of a script: a runner that the toolchain knows, one of the project's `own`, or `none` when
 * there is no such script or it tests nothing.
 */
export function runnerOfScript(scripts: Scripts, name: string): "known" | "own" | "none" {
  if (/no test specified/.test(scripts[name] ?? "")) return "none";
  const parts = scriptParts(scripts, name).filter((part) => !isBuild(part) && !NO_TESTS.has(part.program));
  if (parts.some((part) => OTHER_RUNNERS.has(part.program))) return "own";
  if (parts.some(isKnown)) return "known";
  return parts.length > 0 ? "own" : "none";
}

/** Whether the tests are run after a build. */
export function usesBuild(scripts: Scripts): boolean {
  return [...scriptParts(scripts, "pretest"), ...scriptParts(scripts, "test")].some(isBuild);
}
