// Runs the git commands that talk to a remote. Invariants: the address is checked, looked up once and pinned; nothing is
// redirected; the token is in the environment of that one process and nowhere else, and in no text that comes back.

import { explainFault } from "./explain-fault";
import { GitError, type GitOptions, git } from "./git";
import { pinAddress, type Resolve } from "./remote-address";
import { RemoteFault } from "./remote-fault";
import { checkRepositoryUrl, type RemoteRules } from "./remote-url";

/** A repository elsewhere, with what is needed to read and write it. */
export interface Remote {
  url: string;
  /** Many hosts ignore it beside a token; "x-access-token" when null. */
  username: string | null;
  token: string | null;
}

export interface OpenRemote {
  /** Checked; follows `--` in arguments. */
  url: string;
  /** @throws RemoteFault */
  run(args: string[], options: RemoteOptions): Promise<Buffer>;
}

export interface RemoteOptions
  extends Pick<GitOptions, "dir" | "timeoutMs" | "maxOutputBytes" | "maxFileBytes"> {
  /** What is being done, for the sentence of a fault. */
  doing: "read" | "push";
}

/** Faults of old commits that change no file's content and that hosts accept: well-known projects have them. */
const HARMLESS = [
  ...[
    "badEmail",
    "badName",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
  ],
  ...["missingSpaceBeforeEmail", "zeroPaddedDate", "zeroPaddedFilemode"],
];

const SETTINGS: readonly (readonly [string, string])[] = [
  ["http.followRedirects", "false"],
  ["credential.helper", ""],
  ["core.askPass", ""],
  ["http.lowSpeedLimit", "1"],
  ["http.lowSpeedTime", "60"],
  ["protocol.version", "2"],
  ["fetch.recurseSubmodules", "false"],
  ["push.recurseSubmodules", "no"],
  ["push.followTags", "false"],
  // Always a pack: what comes in is moved into its place as a whole.
  ["fetch.unpackLimit", "1"],
  ["fetch.writeCommitGraph", "false"],
  ...HARMLESS.map((fault) => [`fetch.fsck.${fault}`, "ignore"] as const),
];

/** `merge-tree --write-tree` is the newest thing that change jobs need. */
const OLDEST_GIT = [2, 38] as const;

/**
 * Checks a remote's address and looks it up.
 * @throws RemoteRefused before any process or socket; RemoteFault
 */
export async function openRemote(remote: Remote, rules: RemoteRules, resolve?: Resolve): Promise<OpenRemote> {
  const url = checkRepositoryUrl(remote.url, rules);
  const pin = await pinAddress(url, rules.remotes.includes(url.origin), resolve);
  await requireGit();
  const settings = [...SETTINGS];
  if (pin) settings.push(["http.curloptResolve", pin]);
  const secrets: string[] = [];
  if (remote.token !== null) {
    const basic = Buffer.from(`${remote.username ?? "x-access-token"}:${remote.token}`).toString("base64");
    settings.push([`http.${url.origin}.extraHeader`, `Authorization: Basic ${basic}`]);
    secrets.push(remote.token, basic, encodeURIComponent(remote.token));
  }
  const env = {
    GIT_ALLOW_PROTOCOL: url.protocol.slice(0, -1),
    // Without it curl would look for a .netrc in the home of the account that we run as.
    HOME: "/nonexistent",
    ...asEnvironment(settings),
  };
  return {
    url: url.href,
    async run(args, { doing, ...options }) {
      try {
        return await git(args, { ...options, env });
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        throw explainFault(error, { doing, host: url.host, secrets, anonymous: remote.token === null });
      }
    },
  };
}

function asEnvironment(settings: readonly (readonly [string, string])[]): Record<string, string> {
  const pairs = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(pairs) };
}

let checked: Promise<void> | undefined;

/** An older git would ignore the pinned address without a word. */
function requireGit(): Promise<void> {
  checked ??= askVersion().catch((error: unknown) => {
    checked = undefined;
    throw error;
  });
  return checked;
}

async function askVersion(): Promise<void> {
  const said = await git(["version"], { dir: "/nonexistent" }).catch((error: GitError) => error.fault);
  const version = /(\d+)\.(\d+)/.exec(said.toString());
  const [major, minor] = [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)];
  if (major > OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor >= OLDEST_GIT[1])) return;
  const needed = OLDEST_GIT.join(".");
  throw new RemoteFault("local", `Work on existing repositories needs git ${needed} or newer on the server.`);
}
