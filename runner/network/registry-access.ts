// Where a sandbox may be connected to: package registries by name, at public addresses, on port 443; and what the
// operator has allowed by host and port. Invariant: the address that was checked is the one that is connected to.
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { isPublicAddress } from "./public-address";

const HTTPS_PORT = 443;
const LOOKUP_MS = 10_000;

/** What a runner allows its sandboxes. */
export interface RegistryAccess {
  /** Names in lower case. */
  hosts: readonly string[];
  /** `host:port` in lower case, IPv6 in brackets; these may lie in a private network. */
  mirrors: readonly string[];
  /** For all connections of one command, in both directions together. */
  maxBytes: number;
  /** Of one command at a time. */
  maxConnections: number;
}

/** Whom a name belongs to, as the runner's own resolver says. */
export type ResolveName = (host: string) => Promise<string[]>;

/** Where to connect to; any of the addresses will do. */
export interface CheckedTarget {
  addresses: string[];
  port: number;
}

/** The sandbox may not, or cannot, be connected; `status` is for its HTTP answer. */
export class TunnelRefusal extends Error {
  override name = "TunnelRefusal";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** All addresses of a name by the system's resolver. */
export async function resolveName(host: string): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), LOOKUP_MS);
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), tooLate]);
    return found.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
}

/** Checks what a sandbox asks for (`host:port`, any text) and resolves it once. Throws TunnelRefusal. */
export async function checkTarget(
  access: RegistryAccess,
  target: string,
  resolve: ResolveName = resolveName,
): Promise<CheckedTarget> {
  const { host, port } = parseTarget(target);
  const isMirror = access.mirrors.includes(`${host}:${port}`);
  if (!isMirror) {
    if (!access.hosts.includes(host)) throw new TunnelRefusal(403, `${host} is not an allowed registry.`);
    if (port !== HTTPS_PORT) throw new TunnelRefusal(403, `Only port ${HTTPS_PORT} is allowed, not ${port}.`);
  }
  const literal = host.startsWith("[") ? host.slice(1, -1) : host;
  const addresses = isIP(literal) ? [literal] : await resolveOrRefuse(host, resolve);
  // One private address among public ones is an attempt, not an accident.
  if (!isMirror && !addresses.every(isPublicAddress)) {
    throw new TunnelRefusal(403, `${host} has an address that is not public.`);
  }
  return { addresses, port };
}

async function resolveOrRefuse(host: string, resolve: ResolveName): Promise<string[]> {
  const addresses = await resolve(host).catch(() => []);
  if (addresses.length === 0) throw new TunnelRefusal(502, `${host} was not found.`);
  return addresses;
}

const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

function parseTarget(target: string): { host: string; port: number } {
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, colon).toLowerCase().replace(/\.$/, "");
  const digits = target.slice(colon + 1);
  const port = Number(digits);
  const isHost = NAME.test(host) || (/^\[.*\]$/.test(host) && isIP(host.slice(1, -1)) === 6);
  if (colon < 1 || !isHost || !/^\d{1,5}$/.test(digits) || port < 1 || port > 65_535) {
    throw new TunnelRefusal(400, "The address of the connection is not of the form host:port.");
  }
  return { host, port };
}

/** Reads a list of names from a setting: separated by commas, `none` for an empty list. Throws an Error. */
export function parseHosts(text: string): string[] {
  return parseList(text, (entry) => NAME.test(entry) && isIP(entry) === 0, "a host name");
}

/** Reads a list of `host:port` from a setting. Throws an Error with a plain sentence. */
export function parseMirrors(text: string): string[] {
  const isMirror = (entry: string) => {
    try {
      const { host, port } = parseTarget(entry);
      return `${host}:${port}` === entry;
    } catch {
      return false;
    }
  };
  return parseList(text, isMirror, "of the form host:port");
}

function parseList(text: string, isValid: (entry: string) => boolean, what: string): string[] {
  const entries = text
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== "" && entry !== "none");
  const wrong = entries.find((entry) => !isValid(entry));
  if (wrong !== undefined) throw new Error(`"${wrong}" is not ${what}`);
  return entries;
}
