import { describe, expect, it } from "vitest";
import { isPublicAddress } from "./public-address";

describe("public addresses", () => {
  it.each(["1.1.1.1", "104.16.0.35", "172.15.0.1", "172.32.0.1", "2606:4700::6810:23", "2a04:4e42::223"])(
    "%s is one",
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  it.each([
    ["loopback", "127.0.0.1"],
    ["loopback", "127.255.255.254"],
    ["this host", "0.0.0.0"],
    ["private", "10.1.2.3"],
    ["private", "172.16.0.1"],
    ["private", "192.168.1.1"],
    ["carrier", "100.64.0.1"],
    ["metadata", "169.254.169.254"],
    ["multicast", "224.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["benchmark", "198.18.0.1"],
    ["loopback", "::1"],
    ["this host", "::"],
    ["mapped loopback", "::ffff:127.0.0.1"],
    ["mapped public", "::ffff:1.1.1.1"],
    ["compatible", "::127.0.0.1"],
    ["NAT64 of a private one", "64:ff9b::10.0.0.1"],
    ["local NAT64", "64:ff9b:1::1"],
    ["6to4 of a private one", "2002:0a00:0001::1"],
    ["Teredo", "2001:0:1::1"],
    ["documentation", "2001:db8::1"],
    ["unique local", "fd00:ec2::254"],
    ["link-local", "fe80::1"],
    ["link-local with a zone", "fe80::1%eth0"],
    ["public with a zone", "2606:4700::1%eth0"],
    ["multicast", "ff02::1"],
    ["no address", "localhost"],
    ["a number", "2130706433"],
    ["octal", "0177.0.0.1"],
    ["empty", ""],
  ])("%s is none: %s", (_, address) => expect(isPublicAddress(address)).toBe(false));
});
