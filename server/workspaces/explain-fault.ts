// Tells from what git said about a remote what is wrong, in words that a person can act upon and without any secret.
import type { GitError } from "./git";
import { type RemoteCode, RemoteFault } from "./remote-fault";

export interface FaultContext {
  doing: "read" | "push";
  host: string;
  /** Texts that must not come out, in every form in which they were given to git. */
  secrets: readonly string[];
  /** No credentials were given. */
  anonymous: boolean;
}

type Rule = [said: RegExp, code: RemoteCode, sentence: (context: FaultContext) => string];

const DENIED = ({ anonymous, host }: FaultContext) =>
  anonymous
    ? `${host} asks for credentials; the project has none.`
    : `${host} did not accept the credentials of the project.`;

// git's index-pack says nothing when it is ended for writing more than it may; only its caller complains then.
/** The first that fits counts: what is wrong here, then what the host answered, then what came over the line. */
const RULES: Rule[] = [
  [
    /No space left|Read-only file system|insufficient permission|Permission denied|unable to create temporary/i,
    "local",
    () => "The server could not store what it read; its disk is full or not writable.",
  ],
  [
    /died of signal (25|9)|File too large|out of memory|^fatal: fetch-pack: invalid index-pack output\s*$/i,
    "too_large",
    () =>
      "The repository is larger than what is allowed here, which is 1 GiB with its whole history. Take large files out of it, or keep them in LFS.",
  ],
  [/could not read (Username|Password)|Authentication failed|error: 401/, "wrong_credentials", DENIED],
  [
    /error: 403/,
    "wrong_credentials",
    ({ host }) => `${host} does not permit the project's credentials to read.`,
  ],
  [
    /repository '[^']*' not found|error: (404|410)/,
    "not_found",
    ({ host, anonymous }) =>
      `${host} has no such repository, or does not show it ${anonymous ? "without credentials" : "to these credentials"}.`,
  ],
  [
    /error: 30\d|redirect/i,
    "redirect",
    ({ host }) =>
      `${host} sends on to another address, which is not followed; use the repository's present address.`,
  ],
  [
    /error: (429|5\d\d)/,
    "unreachable",
    ({ host }) => `${host} cannot answer at the moment; it is tried again later.`,
  ],
  [
    /certificate|SSL|TLS/,
    "unreachable",
    ({ host }) => `No safe connection to ${host} could be made; its certificate was not accepted.`,
  ],
  [/too slow|timed? ?out/i, "timeout", ({ host }) => `${host} did not answer in time.`],
  [
    /Could not resolve|Failed to connect|Couldn't connect|Connection (refused|reset)|Empty reply/i,
    "unreachable",
    ({ host }) => `${host} could not be reached.`,
  ],
  [
    /early EOF|hung up|RPC failed|disconnect|curl \d+/i,
    "unreachable",
    ({ host }) => `The connection to ${host} broke off.`,
  ],
  [
    /is this a git repository|dumb http|invalid (server )?response|protocol error|unknown (object format|capability)|not valid:|\bexpected\b/,
    "not_git",
    ({ host }) => `What ${host} answered is not a git repository.`,
  ],
  [
    /couldn't find remote ref|not our ref|no such ref/i,
    "branch_gone",
    () => "The branch is no longer on the remote.",
  ],
  [
    /index-pack|fsck|did not send all|bad (object|pack)|corrupt|missing/i,
    "damaged",
    () => "The repository holds objects that git refuses; it is damaged.",
  ],
];

/** The fault of a remote command. */
export function explainFault(error: GitError, context: FaultContext): RemoteFault {
  if (error.fault === "unavailable") return new RemoteFault("local", "git is not installed on the server.");
  if (error.fault === "timeout")
    return new RemoteFault("timeout", `${context.host} took longer than is allowed.`);
  if (error.fault === "output")
    return new RemoteFault("too_large", "The repository has more branches than are allowed here.");
  if (context.doing === "push") {
    const refused = pushFault(error.stderr, context);
    if (refused) return refused;
  }
  const own = error.stderr.replace(/^remote:.*\n?/gm, "");
  for (const [said, code, sentence] of RULES) {
    if (said.test(own)) return new RemoteFault(code, sentence(context));
  }
  const line = /^(?:fatal|error): .*$/m.exec(own)?.[0] ?? `git ended with ${error.signal ?? error.exitCode}`;
  return new RemoteFault(
    "unreachable",
    `${context.host} could not be used: ${withoutSecrets(line, context.secrets)}`,
  );
}

/** What only a push meets: a branch that moved, or a host's hook or rule that says no. */
function pushFault(said: string, { host, secrets }: FaultContext): RemoteFault | null {
  if (/\[rejected\].*\((stale info|fetch first|non-fast-forward|already exists)/.test(said))
    return new RemoteFault(
      "stale",
      "The branch on the remote was changed by somebody else; nothing was pushed.",
    );
  if (/error: 403/.test(said))
    return new RemoteFault("declined", `${host} does not permit the project's credentials to push.`);
  const reason = /\[remote rejected\].*\(([^)]*)\)/.exec(said)?.[1];
  if (reason === undefined) return null;
  const remarks = said.match(/^remote: .*$/gm)?.map((line) => line.slice(8).trim()) ?? [];
  const text = withoutSecrets([reason, ...remarks].filter(Boolean).join(" · "), secrets);
  return new RemoteFault("declined", `${host} declined the push: ${text}.`);
}

/** Text of a stranger as it may be shown: no secret, no control characters, no more than a few lines of it. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) if (secret.length > 0) shown = shown.replaceAll(secret, "[hidden]");
  return shown
    .replace(/\b(authorization:\s*)?((basic|bearer)\s+)?\S+/gi, (said, header, kind) =>
      header || kind ? "[hidden]" : said,
    )
    .replace(/\/\/[^/\s@]*@/g, "//[hidden]@")
    .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g, " ")
    .trim()
    .slice(0, 300);
}
