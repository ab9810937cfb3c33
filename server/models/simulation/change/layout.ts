// Where the new files of a change belong, by the files that are there: stack, project folder, folders of sources and
// tests, how files are named, and which neighbours show the style. The job's own files are left out, so that every role
// sees the same layout whatever was written before.
import type { Job } from "../conversation";
import { plain } from "../names";
import { depthOf, folderOf, isSource, isTest, MANIFESTS, mostly, nameOf, type Stack, stem } from "./paths";

export interface Layout {
  stack: Stack;
  /** Folders end with a slash; empty is the repository's root. */
  sources: string;
  tests: string;
  /** package.json of the project, if there is one. */
  manifest: string | null;
  /** A source and a test that show how such files are written here. */
  likeSource: string | null;
  likeTest: string | null;
  /** Ending of modules, such as `.js`. */
  ending: string;
  /** How words of file names are joined. */
  words: "kebab" | "snake" | "camel";
  /** A test's file name around the module's name, such as `*.test`. */
  testName: string;
  /** Python: what stands before a module's name in an import, such as `shop.`. */
  dotted: string;
  /** Node: the runner that the names of files tell, or null. */
  configured: "vitest" | "jest" | null;
  /** Whether the folder of tests holds anything yet. */
  testsExist: boolean;
}

/** @param own names of all modules of this job */
export function layoutOf(all: readonly string[], job: Job, own: readonly string[]): Layout {
  const ours = new Set(own.map(stem));
  const files = all.filter((file) => !ours.has(stem(file)));
  const stack = stackOf(files, job);
  const root = projectOf(files, stack, job);
  const mine = files.filter((file) => file.startsWith(root) && !inDeeperProject(file, root, files, stack));
  const code = mine.filter((file) => isSource(file, stack)).sort();
  const tested = mine.filter((file) => isTest(file, stack)).sort();
  const { sources, dotted } =
    stack === "python" ? pythonPlace(code, root) : { sources: nodePlace(code, root), dotted: "" };
  const beside = code.filter((file) => folderOf(file) === sources);
  const tests = testFolder(tested, code, sources, root, stack);
  const likeTest = tested.find((file) => folderOf(file) === tests) ?? tested[0] ?? null;
  const told = (name: string) =>
    mine.some((file) => folderOf(file) === root && nameOf(file).startsWith(`${name}.config.`));
  return {
    stack,
    sources,
    tests,
    manifest: stack === "node" && all.includes(`${root}package.json`) ? `${root}package.json` : null,
    likeSource:
      beside.find((file) => !/^(?:index|main|__init__|__main__|cli|app)\./.test(nameOf(file))) ??
      beside[0] ??
      code[0] ??
      null,
    likeTest,
    ending: stack === "python" ? ".py" : endingOf(beside.length > 0 ? beside : code),
    words: stack === "python" ? "snake" : joining(beside.length > 0 ? beside : code),
    testName: testNaming(likeTest, stack),
    dotted,
    configured: told("vitest") ? "vitest" : told("jest") ? "jest" : null,
    testsExist: all.some(
      (file) => file.startsWith(tests) && !ours.has(stem(file)) && file !== `${tests}__init__.py`,
    ),
  };
}

/** What the repository is written in; where it is both, what the request says. */
function stackOf(files: readonly string[], job: Job): Stack {
  const count = (stack: Stack) =>
    files.filter((file) => isSource(file, stack) || isTest(file, stack)).length +
    files.filter(
      (file) => (MANIFESTS[stack] as readonly string[]).includes(nameOf(file)) && depthOf(file) <= 3,
    ).length;
  const [node, python] = [count("node"), count("python")];
  if (node > 0 !== python > 0) return node > 0 ? "node" : "python";
  const text = plain([job.title, job.description, ...job.features].join(" "));
  const says = {
    python: /\b(python|pytest|py|django|flask|fastapi)\b/.test(text),
    node: /\b(node|javascript|typescript|js|ts|npm|jest|vitest)\b/.test(text),
  };
  if (says.python !== says.node) return says.python ? "python" : "node";
  const [only, second] = job.toolchains;
  if (only && !second) return only;
  return node >= python ? "node" : "python";
}

/** The folder of the project that is meant: one that the request names, else the uppermost with sources. */
function projectOf(files: readonly string[], stack: Stack, job: Job): string {
  if (job.folder) return `${job.folder.replace(/\/+$/, "")}/`;
  const names = MANIFESTS[stack] as readonly string[];
  const folders = [...new Set(files.filter((file) => names.includes(nameOf(file))).map(folderOf))];
  const said = [job.title, job.description, ...job.features].join(" ");
  const sourcesIn = (folder: string) =>
    files.filter(
      (file) =>
        file.startsWith(folder) && isSource(file, stack) && !inDeeperProject(file, folder, files, stack),
    ).length;
  const ranked = folders
    .map((folder) => ({
      folder,
      named: folder !== "" && said.includes(folder.slice(0, -1)),
      count: sourcesIn(folder),
    }))
    .filter(({ count, named }) => count > 0 || named)
    .sort(
      (a, b) =>
        Number(b.named) - Number(a.named) ||
        depthOf(a.folder) - depthOf(b.folder) ||
        b.count - a.count ||
        (a.folder < b.folder ? -1 : 1),
    );
  return ranked[0]?.folder ?? "";
}

function inDeeperProject(file: string, root: string, files: readonly string[], stack: Stack): boolean {
  const names = MANIFESTS[stack] as readonly string[];
  return files.some(
    (one) =>
      names.includes(nameOf(one)) && folderOf(one).length > root.length && file.startsWith(folderOf(one)),
  );
}

function nodePlace(code: readonly string[], root: string): string {
  for (const folder of ["src/", "lib/"]) {
    const place = `${root}${folder}`;
    if (code.some((file) => file.startsWith(place))) return place;
  }
  return root;
}

/** The package's folder and how it is imported; modules lie beside those that are there. */
function pythonPlace(code: readonly string[], root: string): { sources: string; dotted: string } {
  const inside = code.map((file) => file.slice(root.length));
  const packages = inside
    .filter((file) => nameOf(file) === "__init__.py")
    .map(folderOf)
    .filter((folder) => folder !== "");
  const uppermost = packages.filter(
    (folder) => !packages.some((other) => other !== folder && folder.startsWith(other)),
  );
  const size = (folder: string) => inside.filter((file) => file.startsWith(folder)).length;
  const place = uppermost.sort((a, b) => size(b) - size(a) || (a < b ? -1 : 1))[0];
  if (place !== undefined) {
    return { sources: `${root}${place}`, dotted: place.replace(/^src\//, "").replaceAll("/", ".") };
  }
  const src =
    inside.some((file) => folderOf(file) === "src/") && !inside.some((file) => folderOf(file) === "");
  return src ? { sources: `${root}src/`, dotted: "src." } : { sources: root, dotted: "" };
}

/** Beside the sources where tests lie there, else where most of them are. */
function testFolder(
  tested: readonly string[],
  code: readonly string[],
  sources: string,
  root: string,
  stack: Stack,
): string {
  const folder = mostly([...tested].sort((a, b) => depthOf(a) - depthOf(b)).map(folderOf));
  if (folder === undefined) return `${root}${stack === "python" ? "tests/" : "test/"}`;
  if (tested.some((file) => folderOf(file) === sources) || code.some((file) => folderOf(file) === folder))
    return sources;
  const [, above, name] = /^(.*\/|)(__tests__\/)$/.exec(folder) ?? [];
  return above !== undefined && above !== root ? `${sources}${name}` : folder;
}

function testNaming(like: string | null, stack: Stack): string {
  const name = like === null ? "" : nameOf(like);
  if (stack === "python") return /_test\.py$/.test(name) ? "*_test" : "test_*";
  if (/\.spec\./.test(name)) return "*.spec";
  if (/^test[-_]/.test(name)) return `${name.slice(0, 5)}*`;
  const [, tail] = /([-_]test)\.[^.]+$/.exec(name) ?? [];
  return tail ? `*${tail}` : "*.test";
}

function endingOf(code: readonly string[]): string {
  const ending = mostly(code.map((file) => /\.[cm]?[jt]sx?$/.exec(file)?.[0].replace(/x$/, "") ?? ".js"));
  return ending ?? ".js";
}

function joining(code: readonly string[]): Layout["words"] {
  const names = code.map((file) => nameOf(file).replace(/\.[^.]+$/, ""));
  const ways = names.flatMap((name): Layout["words"][] =>
    name.includes("-")
      ? ["kebab"]
      : name.includes("_")
        ? ["snake"]
        : /^[a-z]+[A-Z]/.test(name)
          ? ["camel"]
          : [],
  );
  return mostly(ways) ?? "kebab";
}
