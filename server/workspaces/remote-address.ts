// To which addresses the name of a remote leads. Looked up once, and git is told to use exactly these, so that a name
// cannot lead elsewhere between the look and the connection. Everything that is not known to be public is private.
import { lookup } from "node:dns/promises";
import { BlockList, isIPv4, isIPv6 } from "node:net";
import { RemoteFault } from "./remote-fault";
import { RemoteRefused } from "./remote-url";

/** Gives all addresses of a name. */
export type Resolve = (host: string) => Promise<string[]>;

/** IANA's special-purpose registry for IPv4, with multicast and what is reserved. */
const PRIVATE_V4 = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"],
  ...["192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
  ...["224.0.0.0/4", "240.0.0.0/4"],
];
/** The only part of IPv6 that is given out; mapped IPv4, NAT64, unique local and link-local lie outside of it. */
const GLOBAL_V6 = ["2000::/3"];
/** Inside of it: protocols and Teredo, documentation, 6to4, which carries any IPv4 address. */
const PRIVATE_V6 = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"];

const privateV4 = blockList(PRIVATE_V4, "ipv4");
const globalV6 = blockList(GLOBAL_V6, "ipv6");
const privateV6 = blockList(PRIVATE_V6, "ipv6");

function blockList(nets: readonly string[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const net of nets) {
    const [address = "", bits] = net.split("/");
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function isPublic(address: string): boolean {
  if (isIPv4(address)) return !privateV4.check(address, "ipv4");
  // A zone index names an interface of this machine.
  if (!isIPv6(address) || address.includes("%")) return false;
  return globalV6.check(address, "ipv6") && !privateV6.check(address, "ipv6");
}

const lookUp: Resolve = async (host) =>
  (await lookup(host, { all: true, order: "verbatim" })).map(({ address }) => address);

/**
 * What curl is to be told about a host (`host:port:address,address`); null for a host that is an address already.
 * @param trusted the operator allows this origin, so it may be private
 * @throws RemoteRefused when one of the addresses is not public; RemoteFault (unreachable) when there is none
 */
export async function pinAddress(
  url: URL,
  trusted: boolean,
  resolve: Resolve = lookUp,
): Promise<string | null> {
  const bare = url.hostname.replace(/^\[|\]$/g, "");
  const literal = isIPv4(bare) || isIPv6(bare);
  const addresses = literal ? [bare] : await resolve(url.hostname).catch(() => []);
  if (addresses.length === 0) throw new RemoteFault("unreachable", `The host ${url.hostname} was not found.`);
  if (!trusted && !addresses.every(isPublic))
    throw new RemoteRefused(`The host ${url.hostname} leads to an address that is not public.`);
  if (literal) return null;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const written = addresses.map((address) => (isIPv6(address) ? `[${address}]` : address));
  return `${url.hostname}:${port}:${written.join(",")}`;
}
