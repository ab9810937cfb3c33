// What the names of files say: which are sources, which are tests, which belong to this job itself.

const FOREIGN =
  /(?:^|\/)(?:node_modules|vendor|third_party|dist|build|out|coverage|docs?|examples?|samples?|scripts?|tools|bench(?:marks?)?|fixtures?|migrations|site-packages|\.[^/]+)\//;
const JS = /\.[cm]?[jt]sx?$/;
const TEST_FOLDER = /(?:^|\/)(?:tests?|specs?|__tests__)\//;
const ELSEWHERE =
  /(?:^|\/)(?:e2e|integration|functional|fixtures?|helpers?|support|data|mocks?|__mocks__)\/|[._-]e2e[._-]/;
const SETTING =
  /\.(?:config|setup|d)\.[cm]?[jt]s$|(?:^|\/)(?:gulpfile|gruntfile|setup|conftest|noxfile|manage|karma\.conf|\.[^/]*)\.[a-z]+$/i;

export const MANIFESTS = {
  node: ["package.json"],
  python: ["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "manage.py", "tox.ini"],
} as const;
export type Stack = keyof typeof MANIFESTS;

/** The folder of a path with its slash; empty for the root. */
export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
export const depthOf = (path: string): number => path.split("/").length;

const isCode = (path: string, stack: Stack) =>
  stack === "python" ? path.endsWith(".py") : JS.test(path) && !/\.d\.[cm]?ts$/.test(path);

/** Whether a file is a test that the usual runners find. */
export function isTest(path: string, stack: Stack): boolean {
  if (!isCode(path, stack) || /(?:^|\/)node_modules\//.test(path) || ELSEWHERE.test(path)) return false;
  if (stack === "python") return /^(?:test_.*|.*_test)\.py$/.test(nameOf(path));
  return (
    /[.](?:test|spec)\.[cm]?[jt]sx?$|(?:^|\/)(?:tests?|test[-_][^/]+|[^/]+[-_]test)\.[cm]?[jt]sx?$/.test(
      path,
    ) ||
    (TEST_FOLDER.test(path) &&
      !/^(?:index|setup|helpers?|utils?|common|run)\./.test(nameOf(path)) &&
      !SETTING.test(path))
  );
}

/** Whether a file is part of the program itself. */
export function isSource(path: string, stack: Stack): boolean {
  return (
    isCode(path, stack) &&
    !FOREIGN.test(path) &&
    !TEST_FOLDER.test(path) &&
    !SETTING.test(path) &&
    !isTest(path, stack)
  );
}

/** A name without what tells a module from its test, without its number, and without regard to how words are joined. */
export function stem(path: string): string {
  return nameOf(path)
    .replace(/\.[cm]?[jt]sx?$|\.py$/, "")
    .replace(/\.(?:test|spec)$|^test[-_]|[-_]test$/, "")
    .replace(/[-_]?\d+$/, "")
    .replace(/[-_]/g, "")
    .toLowerCase();
}

/** The most frequent value; of equals the first. */
export function mostly<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce<[T, number] | undefined>(
    (best, one) => (best && best[1] >= one[1] ? best : one),
    undefined,
  )?.[0];
}
