// Which addresses of repositories may be used at all. Pure: it decides before any process or socket is made.
// Invariant: what passes is written exactly as git and curl will read it, so that no two parsers can differ.
import { RemoteFault } from "./remote-fault";

export interface RemoteRules {
  /** Hosts that may be reached by https on its own port. */
  hosts: readonly string[];
  /** Origins that the operator allows although they are private, plain http or on another port. */
  remotes: readonly string[];
}

/** The address of a repository may not be used. */
export class RemoteRefused extends RemoteFault {
  constructor(message: string) {
    super("refused", message);
    this.name = "RemoteRefused";
  }
}

const MAX_LENGTH = 2_000;
const SHAPE = /^(https?):\/\/([^/]*)(\/.*)$/;
const PATH = /^(\/[A-Za-z0-9._~+-]+)+\/?$/;

/**
 * Checks the address of a repository. What it returns has no user, no query, no fragment and no slash at its end.
 * @throws RemoteRefused with a sentence that never repeats the address, because people paste tokens into it
 */
export function checkRepositoryUrl(text: string, rules: RemoteRules): URL {
  if (text.length > MAX_LENGTH)
    refuse(`The address of the repository is longer than ${MAX_LENGTH} characters.`);
  // Spaces, control characters and letters beyond ASCII: parsers drop, turn or encode them, each in its own way.
  if (!/^[\x21-\x7e]+$/.test(text))
    refuse("The address of the repository may have no spaces, line breaks or letters beyond ASCII.");
  const [, scheme, host = "", path = ""] = SHAPE.exec(text) ?? [];
  if (!scheme) refuse("The address of the repository must look like https://host/owner/name.git.");
  if (host.includes("@"))
    refuse("The address of the repository must not hold a user or a token; give them in their own fields.");
  if (/[?#]/.test(text)) refuse("The address of the repository must not have a query or a fragment.");
  if (
    !PATH.test(path) ||
    path.split("/").some((name) => name === "." || name === ".." || name.startsWith("-"))
  )
    refuse(
      "The path of the repository's address may only have letters, digits and . _ ~ + - between its slashes.",
    );
  const origin = `${scheme}://${host.toLowerCase()}`;
  const url = parse(`${origin}${path.replace(/\/$/, "")}`);
  // What the parser wrote differently (numbers as addresses, default ports, escapes) is not what it seems to be.
  if (url.origin !== origin)
    refuse("The host in the address of the repository is not written in its plain form.");
  if (rules.remotes.includes(origin)) return url;
  if (scheme !== "https") refuse("The address of the repository must begin with https://.");
  if (url.port !== "") refuse("The address of the repository must not name a port.");
  if (!rules.hosts.includes(url.hostname))
    refuse(
      `Repositories may only lie on ${rules.hosts.join(", ") || "no host"}; the operator can allow more (GIT_HOSTS, GIT_REMOTES).`,
    );
  return url;
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    return refuse("The address of the repository is not a valid address.");
  }
}

function refuse(sentence: string): never {
  throw new RemoteRefused(sentence);
}
