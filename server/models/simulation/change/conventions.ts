// How the code of a JavaScript repository is written: module system, test runner, quotes, semicolons, indentation. Read
// from package.json and from the neighbours of the new files, of which either may be missing.
import type { Layout } from "./layout";

export type Runner = "node-test" | "jest" | "vitest" | "mocha" | "ava" | "tape";

export interface Conventions {
  esm: boolean;
  typescript: boolean;
  runner: Runner;
  /** What stands behind a module's name in an import of TypeScript. */
  importEnding: string;
  single: boolean;
  semicolons: boolean;
  indent: string;
}

const IMPORTED: [Runner, RegExp][] = [
  ["vitest", /["']vitest["']/],
  ["jest", /["']@jest\/globals["']/],
  ["ava", /["']ava["']/],
  ["tape", /["']tape["']/],
  ["node-test", /["']node:test["']/],
];

/** Characters of a script that are looked at. */
const MAX_SCRIPT = 4_000;

/** @param texts package.json, a source and a test; null for what is not there */
export function conventionsOf(
  layout: Layout,
  texts: { manifest: string | null; source: string | null; test: string | null },
): Conventions {
  const { manifest, source, test } = texts;
  const typescript = /ts$/.test(layout.ending);
  const like = [source ?? "", test ?? ""].join("\n");
  const lines = (source ?? test ?? "").split("\n");
  const ends = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
  return {
    esm: typescript || isModule(layout, manifest ?? "", source ?? "", test ?? ""),
    typescript,
    runner: runnerOf(layout, manifest ?? "", test ?? ""),
    importEnding: relativeEnding(like),
    single: (like.match(/'/g) ?? []).length > (like.match(/"/g) ?? []).length,
    semicolons: ends(/;\s*$/) > 0 || ends(/[\w)\]'"`]\s*$/) < 2,
    indent: indentOf(lines),
  };
}

function isModule({ ending }: Layout, manifest: string, source: string, test: string): boolean {
  if (ending !== ".js") return ending === ".mjs";
  for (const text of [source, test]) {
    if (/^[^\S\r\n\u2028\u2029]*(?:import\s[^(]|import["'{]|export\s)/m.test(text)) return true;
    if (/\brequire\(|\bmodule\.exports\b|^exports\./m.test(text)) return false;
  }
  return /"type"\s*:\s*"module"/.test(manifest);
}

function runnerOf({ configured }: Layout, manifest: string, test: string): Runner {
  const imported = IMPORTED.find(([, pattern]) => pattern.test(test))?.[0];
  if (imported) return imported;
  const [, script = ""] = /"test"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(manifest) ?? [];
  const command = script.slice(0, MAX_SCRIPT);
  const known: [Runner, RegExp][] = [
    ["vitest", /\bvitest\b/],
    ["jest", /\bjest\b|react-scripts test/],
    ["mocha", /\bmocha\b/],
    ["ava", /\bava\b/],
    ["tape", /\btape\b/],
    ["node-test", /\bnode\b.*--test\b/],
  ];
  const scripted = known.find(([, pattern]) => pattern.test(command))?.[0];
  if (scripted) return scripted;
  if (configured) return configured;
  return (
    known.find(([name]) => name !== "node-test" && new RegExp(`"${name}"\\s*:`).test(manifest))?.[0] ??
    "node-test"
  );
}

function relativeEnding(text: string): string {
  const [, path = ""] = /from\s+["'](\.{1,2}\/[^"']+)["']/.exec(text) ?? [];
  return /\.[cm]?[jt]s$/.exec(path)?.[0] ?? "";
}

function indentOf(lines: readonly string[]): string {
  if (lines.some((line) => /^\t+\S/.test(line))) return "\t";
  const widths = lines.flatMap((line) => /^( +)[^ *]/.exec(line)?.[1]?.length ?? []);
  return widths.length > 0 && widths.every((width) => width % 4 === 0) ? "    " : "  ";
}

const STRING = /"(?:[^"\\]|\\.)*"/g;
const singleQuoted = (text: string) => (text.includes('\\"') ? text : `'${text.slice(1, -1)}'`);

/** A text of ours, written with two spaces, double quotes and semicolons, as the repository would write it. */
export function restyled(text: string, { single, semicolons, indent }: Conventions): string {
  return text
    .split("\n")
    .map((line) => {
      const quoted = single && !line.includes("'") ? line.replace(STRING, singleQuoted) : line;
      const ended = semicolons ? quoted : quoted.replace(/;$/, "");
      return ended.replace(/^(?: {2})+/, (spaces) => indent.repeat(spaces.length / 2));
    })
    .join("\n");
}
