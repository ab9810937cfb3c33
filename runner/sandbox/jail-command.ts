// The texts around one jailed command: the command line that makes a jail, and the order that a waiting jail takes.
// Invariant: an order is shell text in which every word from outside stands in single quotes, so it can only be data.
import type { SandboxLimits } from "../protocol";
import type { JailSetup } from "./jail-host";
import type { JailNetwork } from "./jail-network";
import { BASE_ENV, type ExecRequest, enterArgs, insideEnv, PATHS, SANDBOX_UID, SandboxError } from "./port";

/** Descriptors of a jail beside its output. The program gets `input` as its standard input, and none of the others. */
export const FD = { order: 0, told: 3, status: 4, input: 5, network: 7 } as const;
/** Opened by the shell on the host, read and closed by bubblewrap. */
const FILTER_FD = 6;

/** What a jail writes on `FD.told` before it does anything with its order. */
export const TAKEN = "taken\n";

// The kernel takes programs first when memory runs out, and never the few processes that keep a jail together.
const OWN_OOM_SCORE = 700;
const PROGRAM_OOM_SCORE = 800;

// Joins the control groups and opens the filter, or does not start at all; then limits that need no group. dash counts -f in 512 bytes
// (twice the workspace, so that a full disk is told as such first).
const START = [
  'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift',
  "ulimit -c 0; ulimit -n 4096",
  'ulimit -f "$1"; shift',
  `[ -z "$1" ] || exec ${FILTER_FD}< "$1"; shift`,
  `echo ${OWN_OOM_SCORE} > /proc/self/oom_score_adj`,
  'exec "$@"',
].join("; ");

// The first process of the namespace: waits for the program, counts what it left on pipe 3, and takes it along when
// it ends, because the kernel then kills the namespace. bubblewrap outside waits for exactly that.
// The program is the shell that it starts, once that has read its order: forked, made slow (`nice`) and loaded before
// the order comes, so that nothing but one exec lies between the order and the program.
// Its own standard error is closed to keep the shell's remark about a killed child out of the program's output.
const FIRST = [
  `exec ${FD.status}>&- 9>&2 2>/dev/null`,
  "/usr/bin/nice -n 10 -- /bin/sh -s 2>&9 9>&-",
  `code=$?; set -- /proc/[0-9]*; echo "$(($# - 1))" >&${FD.told}; exit "$code"`,
].join("; ");

/** What is sent to a jail as soon as it is started, ahead of its order. */
export const PRELUDE = `echo ${PROGRAM_OOM_SCORE} 2>/dev/null > /proc/self/oom_score_adj\n`;

const DEV_SHM_BYTES = 32 * 1024 * 1024;
/** The kernel's limit for one argument or variable, with the NUL at its end. */
const MAX_WORD_BYTES = 128 * 1024 - 1;
/** Of all of them together: the kernel's 2 MiB less room for its own bookkeeping. */
const MAX_WORDS_BYTES = 2 * 1024 * 1024 - 64 * 1024;

/** The complete command line that makes a jail, from the shell on the host to the first process inside. */
export function jailCommand(
  setup: JailSetup,
  folder: string,
  limits: SandboxLimits,
  repository: boolean,
  joinFiles: readonly string[],
): string[] {
  const id = String(SANDBOX_UID);
  const drop = setup.isRoot
    ? ["setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--no-new-privs", "--"]
    : [];
  const blocks = String(limits.work_mb * 4096);
  const own = [
    ...joinFiles,
    "--",
    blocks,
    setup.host.filter ?? "",
    ...drop,
    "bwrap",
    ...bwrapArgs(setup, folder, repository),
  ];
  return ["/bin/sh", "-c", START, "sh", ...own];
}

function bwrapArgs(setup: JailSetup, folder: string, repository: boolean): string[] {
  const id = String(SANDBOX_UID);
  const env = { ...BASE_ENV, PATH: insidePath(setup) };
  const shm = ["--perms", "1777", "--size", String(DEV_SHM_BYTES), "--tmpfs", "/dev/shm"];
  return [
    ...["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"],
    ...["--die-with-parent", "--new-session", "--as-pid-1"],
    ...["--uid", id, "--gid", id, "--hostname", "sandbox"],
    ...setup.host.readOnlyArgs,
    // A namespace's own settings belong to its user, so /proc/sys would be writable in part.
    ...["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev", ...shm],
    ...["--bind", `${folder}/work`, PATHS.work, "--bind", `${folder}/tmp`, PATHS.tmp],
    ...(repository ? ["--bind", `${folder}/git`, PATHS.git] : []),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"],
    ...(setup.host.filter ? ["--seccomp", String(FILTER_FD)] : []),
    ...["--json-status-fd", String(FD.status), "--clearenv"],
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--", "/bin/sh", "-c", FIRST, "sh"],
  ];
}

function insidePath(setup: JailSetup): string {
  return [BASE_ENV.PATH, ...setup.host.extraPath].join(":");
}

/**
 * The order for a waiting jail. The shell reads it to its end before it obeys any of it, so that it never takes a
 * byte of the program's input for its own. Variables go through `env`, to which no name means anything, as it would
 * to a shell. `relay`: text of the program that starts it when it may use the network. Throws RequestError for what no sandbox can carry out, and SandboxError for what the kernel would
 * refuse as too long.
 */
export function orderText(request: ExecRequest, relay: JailNetwork["relay"] | null = null): string {
  insideEnv(request);
  const [folder = "", ...argv] = enterArgs(request);
  const variables = Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const plain = variables.length === 0 && !argv[0]?.startsWith("-");
  const front = relay === null ? [] : ["node", "-e", relay.source, relay.role, String(FD.network)];
  const words = [...front, ...(plain ? argv : ["/usr/bin/env", ...variables, ...UNCHANGED, ...argv])];
  refuseLongWords(words);
  // A socket without anything to read would make bash believe that it was called over a network, and read ~/.bashrc.
  const input = request.stdin ? `<&${FD.input}` : "</dev/null";
  const enter = `exec ${input} ${FD.told}>&- ${FD.input}<&-; cd -- ${quote(folder)} || exit 125`;
  return `{ echo ${TAKEN.trim()} >&${FD.told}; ${enter}; exec ${words.map(quote).join(" ")}; exit 127; }\n`;
}

/** Keeps `env` and the shell from taking an odd name of a program for a variable or an option. */
const UNCHANGED = ["/usr/bin/nice", "-n", "0", "--"];

function refuseLongWords(words: string[]): void {
  const sizes = words.map((word) => Buffer.byteLength(word) + 1);
  const total = sizes.reduce((sum, size) => sum + size + 8, 0);
  if (sizes.every((size) => size <= MAX_WORD_BYTES) && total <= MAX_WORDS_BYTES) return;
  throw new SandboxError("The command could not be started: its arguments are too long.", false);
}

/** The text as one word of a shell, whatever it holds. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
