// The workspace in and out of a sandbox as git bundles. All git runs inside, on a repository in /git that ordinary
// commands cannot see, so a broken or hostile .git in /work changes nothing (invariant 8).
// Each snapshot's parent is the last commit that the server holds, so a refused one is never an ancestor.

import { endOf } from "./excerpt";
import { MAX_BUNDLE_BYTES } from "./protocol";
import { type ExecOutcome, type ExecRequest, PATHS, type Sandbox } from "./sandbox/port";

const RESTORE_MS = 120_000;
/** Of one layer. The workspace is smaller in most places; this is for the runner, which reads one at a time as a whole. */
const MAX_LAYER_BYTES = 2 * 1024 * 1024 * 1024;
const MAX_ERROR_BYTES = 16 * 1024;
/** Where nested .git folders wait while the index is written; on the same file system as the workspace. */
const ASIDE = ".fabrica-nested-git";
/** Room for what is needed only while dependencies are installed: /tmp is small, and nothing may be executed in it. */
const SETUP_FOLDER = ".fabrica-setup";
/** Never part of a project, and large: what tools install or cache. */
const EXCLUDED = [
  `/${ASIDE}/`,
  `/${SETUP_FOLDER}/`,
  "node_modules",
  "__pycache__/",
  "*.pyc",
  ".pytest_cache/",
  ".ruff_cache/",
  ".mypy_cache/",
  ".venv/",
  "*.egg-info/",
];

const GIT_ENV: Readonly<Record<string, string>> = {
  GIT_DIR: `${PATHS.git}/repository`,
  GIT_WORK_TREE: PATHS.work,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_AUTHOR_NAME: "Fabrica sandbox",
  GIT_AUTHOR_EMAIL: "sandbox@fabrica.invalid",
  GIT_COMMITTER_NAME: "Fabrica sandbox",
  GIT_COMMITTER_EMAIL: "sandbox@fabrica.invalid",
};

// `-text` and its companions keep every byte as it was written, whatever a .gitattributes in the workspace asks for.
const INIT = `
set -eu
(unset GIT_WORK_TREE; git init -q --bare -b main "$GIT_DIR")
cat > "$GIT_DIR/config" <<'END'
[core]
	repositoryformatversion = 0
	bare = false
	hooksPath = /dev/null
	fsmonitor = false
	untrackedCache = false
	bigFileThreshold = 16m
	compression = 1
[gc]
	auto = 0
[maintenance]
	auto = false
[pack]
	threads = 1
[transfer]
	fsckObjects = true
END
mkdir -p "$GIT_DIR/info"
printf '* -text !filter !ident !working-tree-encoding !eol\\n' > "$GIT_DIR/info/attributes"
printf '%s\\n' "$@" > "$GIT_DIR/info/exclude"
`;

const RESTORE = `${INIT}
cat > ${PATHS.git}/in.bundle
git bundle unbundle ${PATHS.git}/in.bundle > ${PATHS.git}/heads
rm ${PATHS.git}/in.bundle
read -r commit ref < ${PATHS.git}/heads
git update-ref refs/heads/main "$commit"
git read-tree "$commit"
git checkout-index -a -f
echo "$commit"
`;

// Nested repositories would be taken as links instead of files. They step aside for the moment and come back.
const SNAPSHOT = `
set -eu
base="$1"
cd ${PATHS.work}
back() {
  [ -d ${ASIDE} ] || return 0
  for entry in ${ASIDE}/*; do
    [ -f "$entry/place" ] && mv "$entry/git" "$(cat "$entry/place")" || true
  done
  rm -rf ${ASIDE}
}
back
head="$GIT_DIR/refs/heads/main"
# What a killed predecessor left: locks, and a commit that the server did not take.
for lock in "$GIT_DIR"/*.lock "$head.lock"; do [ ! -e "$lock" ] || rm -f "$lock"; done
last=""; [ ! -e "$head" ] || read -r last < "$head"
if [ "$last" != "$base" ]; then
  if [ -n "$base" ]; then echo "$base" > "$head"; else rm -f "$head"; fi
fi
if find . -mindepth 2 -name node_modules -prune -o -name .git -print 2>/dev/null > ${PATHS.git}/nested; [ -s ${PATHS.git}/nested ]; then
  trap back EXIT
  number=0
  while IFS= read -r path; do
    number=$((number + 1))
    mkdir -p "${ASIDE}/$number"
    printf '%s' "$path" > "${ASIDE}/$number/place"
    mv "$path" "${ASIDE}/$number/git"
  done < ${PATHS.git}/nested
fi
git add -A >&2
back
# What "git commit" does besides, such as looking at every file once more, nobody needs here.
tree=$(git write-tree)
commit=$(git commit-tree "$tree" \${base:+-p "$base"} -F -)
echo "$commit" > "$head"
echo "fabrica-commit $commit" >&2
git bundle create -q - \${base:+"^$base"} refs/heads/main
`;

// What git ignores: node_modules, .venv and the like, and what the project itself names. Nothing of it can become part
// of a change, nor take the place of a file of the project.
const PACK = `
set -eu
cd ${PATHS.work}
git ls-files -z -o -i --exclude-standard --directory > ${PATHS.git}/layer
tar -cf - --null -T ${PATHS.git}/layer
rm ${PATHS.git}/layer
`;

/** Variables that send what installers download and build to a folder that no layer and no snapshot holds. */
export const SETUP_ENV: Readonly<Record<string, string>> = {
  TMPDIR: `${PATHS.work}/${SETUP_FOLDER}/tmp`,
  npm_config_cache: `${PATHS.work}/${SETUP_FOLDER}/npm`,
  XDG_CACHE_HOME: `${PATHS.work}/${SETUP_FOLDER}/cache`,
  // Yarn from version 2 on would leave packages in the home folder, which is no part of the layer.
  YARN_ENABLE_GLOBAL_CACHE: "false",
  YARN_ENABLE_TELEMETRY: "false",
};
/** Shell text that makes that folder, and that removes it. */
export const MAKE_SETUP_FOLDER = `mkdir -p ${SETUP_ENV.TMPDIR}`;
export const REMOVE_SETUP_FOLDER = `cd ${PATHS.work} && chmod -R u+rwX ./${SETUP_FOLDER}; rm -rf ./${SETUP_FOLDER}`;

/**
 * Archives what git ignores in the workspace, piece by piece. Returns why it cannot be done, or null.
 * Throws SandboxError.
 */
export async function packIgnored(
  sandbox: Sandbox,
  timeoutMs: number,
  take: (data: Buffer) => void,
): Promise<string | null> {
  const errors: Buffer[] = [];
  const outcome = await sandbox.exec({
    argv: ["sh", "-c", PACK],
    env: GIT_ENV,
    timeoutMs,
    maxOutputBytes: MAX_LAYER_BYTES,
    repository: true,
    onOutput: (stream, data) => void (stream === "stdout" ? take(data) : errors.push(data)),
  });
  if (outcome.exitCode === 0 && !outcome.capped) return null;
  return outcome.capped ? "It is too large." : `It could not be archived: ${reasonOf(outcome, errors)}`;
}

/** Unpacks a layer over the workspace, whose own files stay. Returns why it cannot be done, or null. Throws SandboxError. */
export async function unpackLayer(
  sandbox: Sandbox,
  timeoutMs: number,
  archive: Uint8Array,
): Promise<string | null> {
  const errors: Buffer[] = [];
  const outcome = await sandbox.exec({
    argv: ["tar", "-xpf", "-", "--skip-old-files", "--no-same-owner"],
    stdin: archive,
    timeoutMs,
    maxOutputBytes: MAX_ERROR_BYTES,
    onOutput: (_, data) => void errors.push(data),
  });
  if (outcome.exitCode === 0) return null;
  return `The dependencies could not be put into the sandbox: ${reasonOf(outcome, errors)}`;
}

function reasonOf(outcome: ExecOutcome, errors: readonly Buffer[]): string {
  if (outcome.timedOut) return "it took too long";
  const said = endOf(Buffer.concat(errors).toString("utf8").trim(), 200);
  if (/no space left|disk quota/i.test(said)) return "the sandbox has no room left for them";
  return said || `tar ended with ${outcome.signal ?? outcome.exitCode}`;
}

/** A commit of the sandbox and the bundle that carries it. */
export interface WorkspaceBundle {
  commit: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Fills a fresh sandbox from a bundle, or with an empty repository. Returns the commit, or null when empty. */
export async function restoreWorkspace(sandbox: Sandbox, bundle: Uint8Array | null): Promise<string | null> {
  const script = bundle ? RESTORE : INIT;
  const { stdout } = await git(sandbox, script, EXCLUDED, {
    stdin: bundle,
    timeoutMs: RESTORE_MS,
    what: "restored",
  });
  return bundle ? stdout.toString("utf8").trim() : null;
}

/**
 * Commits everything in the workspace on top of `base` (a commit that the server holds, or null) and bundles it.
 * Throws WorkspaceError with a reason that a person or a model can act upon.
 */
export async function bundleWorkspace(
  sandbox: Sandbox,
  base: string | null,
  message: string,
  timeoutMs: number,
): Promise<WorkspaceBundle> {
  const stdin = Buffer.from(message || "Snapshot", "utf8");
  const { stdout, stderr } = await git(sandbox, SNAPSHOT, [base ?? ""], { stdin, timeoutMs, what: "saved" });
  const commit = /^fabrica-commit ([0-9a-f]{40,64})$/m.exec(stderr)?.[1];
  if (!commit) throw new WorkspaceError("The workspace could not be saved: git named no commit.");
  return { commit, bytes: stdout };
}

/** The workspace as it is cannot be restored or saved. */
export class WorkspaceError extends Error {
  override name = "WorkspaceError";
}

async function git(
  sandbox: Sandbox,
  script: string,
  args: string[],
  options: { stdin: Uint8Array | null; timeoutMs: number; what: string },
): Promise<{ stdout: Buffer<ArrayBuffer>; stderr: string }> {
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const request: ExecRequest = {
    argv: ["sh", "-c", script, "sh", ...args],
    env: GIT_ENV,
    stdin: options.stdin,
    timeoutMs: options.timeoutMs,
    maxOutputBytes: MAX_BUNDLE_BYTES,
    repository: true,
    onOutput: (stream, data) => output[stream].push(data),
  };
  const outcome = await sandbox.exec(request);
  const stderr = Buffer.concat(output.stderr).toString("utf8");
  if (outcome.exitCode === 0 && !outcome.capped) return { stdout: Buffer.concat(output.stdout), stderr };
  const reason = outcome.timedOut
    ? `it took longer than ${Math.round(options.timeoutMs / 1000)} s`
    : outcome.capped
      ? "it is too large"
      : outcome.outOfMemory !== "no"
        ? "the sandbox has no memory left for it"
        : endOf(stderr.trim(), 1_500) || `git ended with ${outcome.signal ?? outcome.exitCode}`;
  throw new WorkspaceError(`The workspace could not be ${options.what}: ${reason}`);
}
