// How agents look around: searching, outlines of folders, reading by ranges. Each is one shell program in the sandbox
// that cuts its own output, so that a tree of 50,000 files costs no more to store and to show than a small one.
import type { ExecSpec } from "../../runner/protocol";

/** Lines of a file that are shown when no end is asked for. */
export const READ_WINDOW = 400;
/** Bytes that each of these prints at most, somewhat less than a model is shown of one result. */
const BUDGET = 9_000;
const LONG_LINE = 2_000;

/** Folders that are not looked into unless they are asked for by name. */
const SKIPPED = [".git", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".next", "coverage"];

function program(script: string, args: readonly (string | number)[], title: string): ExecSpec {
  return {
    kind: "exec",
    argv: ["sh", "-c", script, "sh", ...args.map(String)],
    cwd: ".",
    env: {},
    stdin: null,
    timeout_ms: 30_000,
    max_output_bytes: 64 * 1024,
    live: false,
    title: title.replace(/\s+/g, " ").trim().slice(0, 200).toWellFormed(),
  };
}

/** Shell words are put in single quotes; the programs below hold none themselves. */
const quoted = (text: string) => `'${text}'`;

const READ_AWK = `
NR < first || full { next }
last_wanted && NR > last_wanted { next }
!last_wanted && NR >= first + window { next }
{
  text = length($0) > long ? substr($0, 1, long) " [... " length($0) - long " more bytes of this line]" : $0
  line = sprintf("%6d\\t%s\\n", NR, text)
  if (used > 0 && used + length(line) > budget) { full = 1; next }
  printf "%s", line
  used += length(line)
  shown = NR
}
END { print NR, shown + 0 > "/dev/stderr" }`;

const READ = `
[ -d "./$1" ] && { echo "$1 is a folder; tree shows what is in it" >&2; exit 1; }
[ -f "./$1" ] || { echo "there is no file $1" >&2; exit 1; }
export LC_ALL=C
exec awk -v first="$2" -v last_wanted="$3" -v window=${READ_WINDOW} -v long=${LONG_LINE} -v budget=${BUDGET} ${quoted(READ_AWK)} < "./$1"`;

/** Prints lines of a file with their numbers; how many there are, and the last one shown, go to standard error. */
export function readLinesCommand(path: string, start: number, end: number | undefined): ExecSpec {
  return program(READ, [path, start, end ?? 0], `read ${path}`);
}

/** What a model is shown of a range: the lines, and in brackets what there is besides. */
export function readObservation(start: number, stdout: string, stderr: string): string {
  const [, count = "0", shown = "0"] = /(?<!\d)(\d+) (\d+)\s*$/.exec(stderr) ?? [];
  const lines = Number(count);
  const last = Number(shown);
  if (lines === 0) return "the file is empty";
  if (last === 0) return `there are only ${lines} lines`;
  if (start === 1 && last === lines) return stdout.trimEnd();
  const more = last < lines ? `; go on with start=${last + 1}` : "";
  return `${stdout.trimEnd()}\n[lines ${start} to ${last} of ${lines}${more}]`;
}

/** Lines shown of one file, and of all; length of a line that is shown. */
const SEARCH_LIMITS = { file: 20, all: 200, line: 300 };
/** Bytes for the names of files of which something is left out. */
const LEFT_OUT_NAMES = 1_000;

const SEARCH_AWK = `
function end_of_file() {
  if (name == "" || in_file == shown_here || left_names == 40) return
  left = in_file - shown_here
  line = name ": " left (shown_here ? " more" : "") " matching line" (left == 1 ? "" : "s")
  if (used + length(line) >= budget + names) return
  rest[++left_names] = line; used += length(line) + 1
}
BEGIN { FS = "\\037" }
$1 == "" && NF == 2 { status = $2; next }
{
  file = $1; text = substr($0, length($1) + 2)
  sub(/^(\\.\\/)+/, "", file); sub(/\\037/, ":", text)
  if (under != "." && file != under && index(file, under "/") != 1) next
  if (file != name) { end_of_file(); name = file; files++; in_file = 0; shown_here = 0 }
  found++; in_file++
  if (length(text) > long) text = substr(text, 1, long) " [...]"
  line = file ":" text
  if (shown < most && in_file <= most_in_file && used + length(line) < budget) {
    print line; used += length(line) + 1; shown++; shown_here++; if (shown_here == 1) shown_files++
  }
}
END {
  end_of_file()
  for (i = 1; i <= left_names; i++) print rest[i]
  if (shown < found)
    printf "[%d matching lines in %d files; %d lines of %d files are shown. Narrow it by path, glob or pattern.]\\n", found, files, shown, shown_files
  if (!found) exit (status > 0 ? status : 1)
}`;

// Both programs end with a line that is nothing but the separator and the exit code: a pipe would lose it.
const SEARCH = `
pattern=$1 path=$2 glob=$3 everything=$4; shift 4
[ -e "./$path" ] || { echo "there is no $path" >&2; exit 2; }
find_by_rg() {
  for one do set -- "$@" --glob "!$one"; shift; done
  [ -z "$glob" ] || set -- --glob "$glob" "$@"
  [ -z "$everything" ] || set -- --no-ignore "$@"
  rg --no-config --no-messages --no-require-git --hidden --sort path --no-heading --with-filename --line-number --null --color never --max-count 1000 "$@" --regexp "$pattern" -- "./$path" </dev/null
}
find_by_git() {
  for one do
    case $one in
      /*) set -- "$@" ":(exclude,glob)\${one#/}" ":(exclude,glob)\${one#/}/**" ;;
      */?*) set -- "$@" ":(exclude,glob)$one" ":(exclude,glob)\${one%/}/**" ;;
      *) set -- "$@" ":(exclude,glob)**/\${one%/}" ":(exclude,glob)**/\${one%/}/**" ;;
    esac
    shift
  done
  under=$path; [ "$path" != . ] || under=
  case $glob in
    "") where=":(literal)$path" ;;
    */*) where=":(glob)$glob" ;;
    *) where=":(glob)\${under:+$under/}**/$glob" ;;
  esac
  ignored=--exclude-standard; [ -z "$everything" ] || ignored=--no-exclude-standard
  git grep --no-index $ignored --no-color -I -z -n -P -e "$pattern" -- "$where" "$@" </dev/null
}
if command -v rg >/dev/null; then by=rg; else by=git; fi
export LC_ALL=C
{ LC_ALL=C.UTF-8 find_by_$by "$@"; printf '\\037%s\\n' "$?"; } | tr '\\000' '\\037' |
  awk -v under="$path" -v budget=${BUDGET - LEFT_OUT_NAMES} -v names=${LEFT_OUT_NAMES} -v most=${SEARCH_LIMITS.all} -v most_in_file=${SEARCH_LIMITS.file} -v long=${SEARCH_LIMITS.line} ${quoted(SEARCH_AWK)}`;

export interface SearchInput {
  pattern: string;
  path?: string | null;
  glob?: string;
}

/**
 * Searches for a regular expression with ripgrep, or with git where that is not there. Exit code 1: nothing found.
 * @param ignored further paths and patterns, as in a .gitignore, that are left out
 */
export function searchCommand(
  { pattern, path, glob }: SearchInput,
  ignored: readonly string[] = [],
): ExecSpec {
  const everything = (path ?? "").split("/").some((name) => SKIPPED.includes(name));
  const without = everything ? [] : [...SKIPPED, ...ignored];
  return program(
    SEARCH,
    [pattern, path ?? ".", glob ?? "", everything ? "yes" : "", ...without],
    `search ${pattern}`,
  );
}

/** Files shown of one folder, and lines of an outline whose depth is not asked for. */
const TREE_LIMITS = { files: 30, lines: 200 };

const TREE_AWK = `
function human(bytes) {
  if (bytes < 1024) return bytes " B"
  if (bytes < 1048576) return sprintf("%.1f KiB", bytes / 1024)
  return sprintf("%.1f MiB", bytes / 1048576)
}
function counted(n, word) { return n " " word (n == 1 ? "" : "s") }
function add(path, at, kind) { order[++nodes] = path; level[nodes] = at; what[nodes] = kind; lines[at]++; if (at > deepest) deepest = at }
BEGIN { FS = "\\t" }
{
  path = substr($0, length($1) + 2); depth_here = split(path, part, "/"); dir = ""
  for (i = 1; i < depth_here; i++) {
    dir = dir part[i] "/"
    if (!(dir in count)) { count[dir] = 0; folders++; add(dir, i, "folder") }
    if ($1 != "skipped") { count[dir]++; sum[dir] += $1 }
  }
  if ($1 == "skipped") { add(path "/", depth_here, "skipped"); next }
  total++; bytes += $1; in_folder[dir]++
  if (in_folder[dir] <= most_files) { add(path, depth_here, "file"); size[path] = $1 }
  else if (in_folder[dir] == most_files + 1) add(dir, depth_here, "more")
}
END {
  sum_of_lines = lines[1]; shown_depth = 1
  while (shown_depth < deepest && (depth ? shown_depth < depth : sum_of_lines + lines[shown_depth + 1] <= most_lines)) sum_of_lines += lines[++shown_depth]
  printf "%s: %s in %s, %s", root, counted(total + 0, "file"), counted(folders + 0, "folder"), human(bytes + 0)
  print shown_depth < deepest ? "; shown to depth " shown_depth " of " deepest : ""
  for (n = 1; n <= nodes; n++) {
    if (level[n] > shown_depth) continue
    path = order[n]; name = path; sub(/\\/$/, "", name); sub(/^.*\\//, "", name)
    if (what[n] == "folder") text = name "/  " counted(count[path], "file") ", " human(sum[path] + 0)
    else if (what[n] == "skipped") text = name "/  not looked into"
    else if (what[n] == "more") text = "[" in_folder[path] - most_files " more files in this folder]"
    else text = name "  " human(size[path])
    for (i = 1; i < level[n]; i++) text = "  " text
    line = text
    if (used + length(line) >= budget) { left++; continue }
    print line; used += length(line) + 1
  }
  if (left) printf "[%d more lines left out: ask for a folder by path, or for less depth]\\n", left
}`;

const TREE = `
path=$1 depth=$2; shift 2
[ -d "./$path" ] || { echo "there is no folder $path" >&2; exit 1; }
cd "./$path" || exit 1
for one do
  one=\${one%/}
  case $one in
    /*) set -- "$@" -o -path ".$one" ;;
    */*) set -- "$@" -o -path "./$one" ;;
    *) set -- "$@" -o -name "$one" ;;
  esac
  shift
done
export LC_ALL=C
find . -mindepth 1 '(' -false "$@" ')' -prune -printf 'skipped\\t%P\\0' -o -type f -printf '%s\\t%P\\0' |
  tr '\\n\\000' '?\\n' | sort -t "$(printf '\\t')" -k 2 |
  awk -v root="$path" -v depth="$depth" -v budget=${BUDGET} -v most_files=${TREE_LIMITS.files} -v most_lines=${TREE_LIMITS.lines} ${quoted(TREE_AWK)}`;

export interface TreeInput {
  path?: string | null;
  depth?: number;
}

/** Prints the outline of a folder: folders with how much is in them, files with their sizes, down to some depth. */
export function treeCommand({ path, depth }: TreeInput, ignored: readonly string[] = []): ExecSpec {
  return program(
    TREE,
    [path ?? ".", depth ?? 0, ...SKIPPED, ...(path ? [] : ignored)],
    `tree ${path ?? "."}`,
  );
}
