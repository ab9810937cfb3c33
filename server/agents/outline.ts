// The files of a repository as a first message shows them: all of a small one, of a large one the files that say most
// and its folders with how much is in them. However large it is, the text stays within its limit.

/** Files up to this number are all named. */
const WHOLE = 400;
const MAX_CHARS = 12_000;
const KEY_FILES = { settings: 60, tests: 40 };
/** Folders named, and subfolders of one folder. */
const FOLDERS = { all: 150, each: 25 };

const READ_FIRST = /(?:^|\/)(?:readme|contributing|architecture)(?:\.[a-z]+)?$/i;
const SETTINGS =
  /(?:^|\/)(?:package\.json|pyproject\.toml|setup\.(?:py|cfg)|requirements[\w.-]*\.txt|tox\.ini|pytest\.ini|manage\.py|go\.mod|cargo\.toml|makefile|dockerfile|fabrica\.json|spec\.md|tsconfig\.json|[\w.-]+\.config\.[cm]?[jt]s)$/i;
const TEST =
  /(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$|\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|\/)tests?\/[^/]*\.[cm]?[jt]sx?$/;
/** Installed, built or foreign: they are counted and not named first. */
const FOREIGN = /(?:^|\/)(?:node_modules|vendor|third_party|dist|build|fixtures?|site-packages)\//;

/** The list of files, or its outline, in at most about 12,000 characters. */
export function outlineOf(files: readonly string[]): string {
  const whole = files.length <= WHOLE ? files.map(shown).join("\n") : null;
  if (whole !== null && whole.length <= MAX_CHARS) return whole;
  const names = keyFiles(files);
  const head = `${files.length} files. Those that say most, then the folders; tree and search show the rest.`;
  return cut([head, ...names.map(shown), "", ...folderLines(files)]);
}

/** What has control characters in its name must not begin a line of its own. */
const shown = (path: string) => path.replace(/\p{Cc}/gu, "?");

const depth = (path: string) => path.split("/").length;
const byDepth = (a: string, b: string) => depth(a) - depth(b) || (a < b ? -1 : 1);

function keyFiles(files: readonly string[]): string[] {
  const own = files.filter((file) => !FOREIGN.test(file));
  const first = own.filter((file) => READ_FIRST.test(file) || SETTINGS.test(file)).sort(byDepth);
  const tests = own.filter((file) => TEST.test(file) && !SETTINGS.test(file)).sort(byDepth);
  return [...first.slice(0, KEY_FILES.settings), ...onePerFolder(tests).slice(0, KEY_FILES.tests)];
}

/** An example of each folder says more than all of one. */
function onePerFolder(files: readonly string[]): string[] {
  const seen = new Set<string>();
  return files.filter((file) => {
    const folder = file.slice(0, file.lastIndexOf("/") + 1);
    return !seen.has(folder) && seen.add(folder);
  });
}

interface Folder {
  path: string;
  /** Files in it and below it. */
  files: number;
  folders: Map<string, Folder>;
}

function foldersOf(files: readonly string[]): Folder {
  const root: Folder = { path: "", files: 0, folders: new Map() };
  for (const file of files) {
    root.files += 1;
    let at = root;
    const parts = file.split("/");
    for (const name of parts.slice(0, -1)) {
      let next = at.folders.get(name);
      if (!next) {
        next = { path: `${at.path}${name}/`, files: 0, folders: new Map() };
        at.folders.set(name, next);
      }
      next.files += 1;
      at = next;
    }
  }
  return root;
}

/** The largest folders are opened first, as long as there is room for what is in them. */
function folderLines(files: readonly string[]): string[] {
  const lines = new Map<string, string>();
  const open = [foldersOf(files)];
  while (open.length > 0) {
    const folder = open.splice(indexOfLargest(open), 1)[0] as Folder;
    const inside = [...folder.folders.values()].sort(
      (a, b) => b.files - a.files || (a.path < b.path ? -1 : 1),
    );
    const named = inside.slice(0, FOLDERS.each);
    if (named.length === 0 || (folder.path !== "" && lines.size + named.length > FOLDERS.all)) continue;
    for (const one of named) lines.set(one.path, `${shown(one.path)}  ${counted(one.files, "file")}`);
    const rest = inside.slice(FOLDERS.each);
    if (rest.length > 0) {
      const below = rest.reduce((sum, one) => sum + one.files, 0);
      const where = folder.path === "" ? "the root" : shown(folder.path);
      lines.set(
        `${folder.path}\uffff`,
        `[${counted(rest.length, "more folder")} in ${where} with ${counted(below, "file")}]`,
      );
    }
    open.push(...named);
  }
  return [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}

function indexOfLargest(folders: readonly Folder[]): number {
  let best = 0;
  for (const [at, folder] of folders.entries()) if (folder.files > (folders[best]?.files ?? 0)) best = at;
  return best;
}

const counted = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** As many lines as there is room for. */
function cut(lines: readonly string[]): string {
  const kept: string[] = [];
  let chars = 0;
  for (const line of lines) {
    chars += line.length + 1;
    if (chars > MAX_CHARS) break;
    kept.push(line);
  }
  const left = lines.length - kept.length;
  return [...kept, ...(left > 0 ? [`[${counted(left, "more line")} left out]`] : [])]
    .join("\n")
    .toWellFormed();
}
