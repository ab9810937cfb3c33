// Which addresses belong to the public internet. Invariant: everything that is not known to be public counts as private,
// so that a name can never lead into the runner's own network or to a cloud's metadata service.
import { BlockList, isIPv4, isIPv6 } from "node:net";

/** IANA's special-purpose registry for IPv4, with multicast and what is reserved. */
const NOT_PUBLIC_V4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const;

/** The only part of IPv6 that is given out. Mapped IPv4, NAT64, unique local and link-local lie outside of it. */
const GLOBAL_V6 = ["2000::", 3] as const;
/** Special inside of it: protocols and Teredo, documentation, 6to4, which carries any IPv4 address. */
const NOT_PUBLIC_V6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20],
] as const;

const notPublicV4 = new BlockList();
for (const [address, prefix] of NOT_PUBLIC_V4) notPublicV4.addSubnet(address, prefix, "ipv4");
const globalV6 = new BlockList();
globalV6.addSubnet(...GLOBAL_V6, "ipv6");
const notPublicV6 = new BlockList();
for (const [address, prefix] of NOT_PUBLIC_V6) notPublicV6.addSubnet(address, prefix, "ipv6");

/** Whether this text is an address of the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !notPublicV4.check(address, "ipv4");
  // A zone index names an interface of this machine.
  if (!isIPv6(address) || address.includes("%")) return false;
  return globalV6.check(address, "ipv6") && !notPublicV6.check(address, "ipv6");
}
