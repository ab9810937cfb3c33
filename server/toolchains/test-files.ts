// Which files of a repository are tests, by the names that the runners and their users know. Pure.

const FOLDER =
  /(?:^|\/)(?:tests?|__tests__|__mocks__|__snapshots__|specs?|testing|testdata|test[-_]data|fixtures?)\//i;
const NAME = /(?:^|\/)(?:test[-_][^/]*|[^/]*_test|conftest|tests?|[^/]*[.-](?:test|spec))\.[A-Za-z0-9]+$/i;

/** Whether the name alone says that there are tests in it, and not only what tests need. */
export function isNamedLikeTest(path: string): boolean {
  return NAME.test(path) && !/(?:^|\/)conftest\.py$/.test(path);
}

/** Tests and what belongs to them; everything else is the program. */
export function isTestFile(path: string): boolean {
  return FOLDER.test(path) || NAME.test(path);
}
