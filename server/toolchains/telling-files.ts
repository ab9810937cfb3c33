// Which files of a tree toolchains and detection look into. In a large repository thousands of files may be tests, so
// the list is bounded, and what says most comes first.
import type { FileList } from "./port";
import { nameOf, ownFiles } from "./workspace-files";

/** Files that say how a folder is set up; what lies nearer to the root is asked for first. */
const SETTINGS =
  /(^|\/)(package\.json|pyproject\.toml|pytest\.ini|setup\.cfg|setup\.py|tox\.ini|fabrica\.json)$/;
/** Asked for by detection only, and only in the project's folder and above it. */
const FOR_DETECTION = new Set([
  "GNUmakefile",
  "Makefile",
  "makefile",
  "Pipfile",
  "pnpm-workspace.yaml",
  "yarn.lock",
]);
const REQUIREMENTS = /requirements[^/]*\.txt$|(?:^|\/)requirements\/[^/]*\.txt$/;
/** Everything that one of the toolchains may take for a test by its path, and somewhat more. */
const MAY_BE_TEST = /(?:test|spec).*\.(?:py|[cm]?[jt]sx?)$/i;
/** Named in a way that is a test for everybody: what it is does not hang on its text. */
const SURELY_TEST = /\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$/;

const MAX_SETTINGS = 500;
const MAX_TESTS = 4_000;
const MAX_ATTRIBUTES = 50;

/** The files that toolchains look into, at most about 4,500, in the order of their weight. */
export function tellingFiles(files: FileList): string[] {
  const own = ownFiles(files);
  const settings = own.filter((file) => SETTINGS.test(file)).sort(byDepth);
  const tests = own.filter((file) => MAY_BE_TEST.test(file) && !SETTINGS.test(file));
  const unsure = tests.filter((file) => !SURELY_TEST.test(file));
  const sure = tests.filter((file) => SURELY_TEST.test(file));
  return [...settings.slice(0, MAX_SETTINGS), ...[...unsure, ...sure].slice(0, MAX_TESTS)];
}

/** The files that `detectProject` looks into, for a project's folder ("" for the root). */
export function detectionFiles(files: FileList, folder: string): string[] {
  const parts = folder.split("/").filter((part) => part !== "" && part !== ".");
  const prefix = parts.map((part) => `${part}/`).join("");
  const near = (file: string) => {
    const dir = file.slice(0, file.length - nameOf(file).length);
    return (
      dir === prefix ||
      prefix.startsWith(dir) ||
      dir === `${prefix}requirements/` ||
      dir === `${prefix}tests/`
    );
  };
  const lists = (file: string) => FOR_DETECTION.has(nameOf(file)) || REQUIREMENTS.test(file);
  const attributes = files.filter((file) => nameOf(file) === ".gitattributes").sort(byDepth);
  const wanted = files.filter((file) => near(file) && lists(file));
  return [...new Set([...wanted, ...attributes.slice(0, MAX_ATTRIBUTES), ...tellingFiles(files)])];
}

const depth = (file: string) => file.split("/").length;
const byDepth = (a: string, b: string) => depth(a) - depth(b);
