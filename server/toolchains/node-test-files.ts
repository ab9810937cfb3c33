// Decides which files of a workspace are JavaScript or TypeScript tests and which runner each belongs to.
// What a test file imports decides; only files that rely on global functions ask the package.json.
import type { FileList } from "./port";
import { nameOf, ownFiles, projectFolder, type TestGroup, within } from "./workspace-files";

export type NodeRunner = "node-test" | "jest" | "vitest";
type ReadText = (path: string) => string | null;

export interface NodeTestGroup extends TestGroup {
  runner: NodeRunner;
  typescript: boolean;
}

const SOURCE = /\.[cm]?[jt]sx?$/;
const TYPESCRIPT = /\.[cm]?tsx?$/;
/** Named so that every runner takes it for a test. */
const NAMED = /\.(?:test|spec)\.[cm]?[jt]sx?$/;
/** Further names that Node's own runner knows, taken only when the file really uses a test library. */
const MAYBE_NAMED = /^(?:test|test[-_].+|.+[-_]test)\.[cm]?[jt]sx?$/;
const MAYBE_FOLDER = /(?:^|\/)(?:tests?|__tests__)\//;

const IMPORTS: [NodeRunner, RegExp][] = [
  ["vitest", /(?:from\s*|require\(\s*|import\(\s*)["']vitest["']/],
  ["jest", /(?:from\s*|require\(\s*)["']@jest\/globals["']/],
  ["node-test", /(?:from\s*|require\(\s*|import\(\s*)["'](?:node:)?test["']/],
];

/** The runner whose functions this text imports. */
function importedRunner(text: string): NodeRunner | null {
  return IMPORTS.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

interface Manifest {
  scripts?: Record<string, unknown>;
  dependencies?: Record<string, unknown>;
  devDependencies?: Record<string, unknown>;
  jest?: unknown;
}

function readManifest(text: string | null): Manifest {
  try {
    const parsed: unknown = JSON.parse(text ?? "");
    return typeof parsed === "object" && parsed !== null ? (parsed as Manifest) : {};
  } catch {
    return {};
  }
}

/** The runner that a project declares for tests with global functions, or null when it declares none. */
function declaredRunner(dir: string, files: ReadonlySet<string>, readText: ReadText): NodeRunner | null {
  const manifest = readManifest(readText(within(dir, "package.json")));
  const script = String(manifest.scripts?.test ?? "");
  if (/\bvitest\b/.test(script)) return "vitest";
  if (/\bjest\b/.test(script)) return "jest";
  if (/\bnode\b.*--test\b/.test(script)) return "node-test";
  const has = (name: string) => Boolean(manifest.devDependencies?.[name] ?? manifest.dependencies?.[name]);
  const hasFile = (stem: string) =>
    ["js", "mjs", "cjs", "ts", "mts", "json"].some((end) => files.has(within(dir, `${stem}.${end}`)));
  if (has("vitest") || hasFile("vitest.config")) return "vitest";
  if (has("jest") || manifest.jest !== undefined || hasFile("jest.config")) return "jest";
  return null;
}

/** Blanks of the line only: a file of a million empty lines would be read from each of them to its end. */
const USES_GLOBALS = /^[ \t]*(?:describe|test|it)(?:\.\w+)*[ \t]*\(/m;

/** The test groups of a workspace in a stable order. */
export function nodeTestGroups(files: FileList, readText: ReadText): NodeTestGroup[] {
  const own = ownFiles(files);
  const known = new Set(own);
  const groups = new Map<string, NodeTestGroup>();
  const declared = new Map<string, NodeRunner | null>();
  for (const file of own.filter((one) => SOURCE.test(one)).sort()) {
    const named = NAMED.test(file);
    if (!named && !MAYBE_NAMED.test(nameOf(file)) && !MAYBE_FOLDER.test(file)) continue;
    const text = readText(file) ?? "";
    const imported = importedRunner(text);
    const global = imported === null && USES_GLOBALS.test(text);
    if (!named && imported === null && !global) continue;
    const dir = projectFolder(file, known, ["package.json"]);
    if (!declared.has(dir)) declared.set(dir, declaredRunner(dir, known, readText));
    const runner = imported ?? (global ? (declared.get(dir) ?? "jest") : (declared.get(dir) ?? "node-test"));
    const key = `${dir} ${runner}`;
    const group = groups.get(key) ?? { runner, dir, files: [], typescript: false };
    group.files.push(file);
    group.typescript ||= TYPESCRIPT.test(file);
    groups.set(key, group);
  }
  return [...groups.values()];
}
