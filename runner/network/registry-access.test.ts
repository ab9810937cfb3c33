import { describe, expect, it } from "vitest";
import { checkTarget, parseHosts, parseMirrors, type RegistryAccess } from "./registry-access";

const ACCESS: RegistryAccess = {
  hosts: ["registry.example"],
  mirrors: ["mirror.internal:4873", "10.0.0.7:8443", "[fd00::7]:443"],
  maxBytes: 1_000,
  maxConnections: 4,
};
const check = (target: string, addresses: string[] = ["1.2.3.4"]) =>
  checkTarget(ACCESS, target, async () => addresses);

describe("what a sandbox may be connected to", () => {
  it("is an allowed name on port 443, at the addresses that were checked", async () => {
    const both = ["1.2.3.4", "2606:4700::1"];
    expect(await check("registry.example:443", both)).toEqual({ addresses: both, port: 443 });
    expect(await check("Registry.Example.:443")).toMatchObject({ port: 443 });
  });

  it("is a mirror by host and port, also in a private network", async () => {
    expect(await check("mirror.internal:4873", ["192.168.1.9"])).toEqual({
      addresses: ["192.168.1.9"],
      port: 4873,
    });
    expect(await check("10.0.0.7:8443")).toEqual({ addresses: ["10.0.0.7"], port: 8443 });
    expect(await check("[fd00::7]:443")).toEqual({ addresses: ["fd00::7"], port: 443 });
  });

  it.each([
    ["another host", "elsewhere.example:443", 403],
    ["a host below an allowed one", "evil.registry.example:443", 403],
    ["a host that ends like an allowed one", "evilregistry.example:443", 403],
    ["another port", "registry.example:80", 403],
    ["the port of a database", "registry.example:5432", 403],
    ["a mirror on another port", "mirror.internal:443", 403],
    ["an address", "1.2.3.4:443", 403],
    ["an address in brackets", "[::1]:443", 403],
    ["a mapped address", "[::ffff:127.0.0.1]:443", 403],
    ["the metadata address", "169.254.169.254:443", 403],
    ["a decimal address", "2130706433:443", 403],
    ["an octal address", "0177.0.0.1:443", 403],
    ["a name with a path", "registry.example/x:443", 400],
    ["a name with a user", "registry.example@elsewhere.example:443", 400],
    ["a name with a space", "registry.example .x:443", 400],
    ["a name with a NUL", "registry.example\0.x:443", 400],
    ["a name with a line", "registry.example\r\nHost: x:443", 400],
    ["no port", "registry.example", 400],
    ["an empty port", "registry.example:", 400],
    ["port 0", "registry.example:0", 400],
    ["a port over the top", "registry.example:65536", 400],
    ["a port in words", "registry.example:443x", 400],
    ["a zone", "[fe80::1%eth0]:443", 403],
    ["nothing", "", 400],
    ["much", `${"a".repeat(1_000)}:443`, 400],
  ])("is not %s", async (_, target, status) => {
    await expect(check(target)).rejects.toMatchObject({ name: "TunnelRefusal", status });
  });

  it.each([
    ["loopback", ["127.0.0.1"]],
    ["the metadata service", ["169.254.169.254"]],
    ["a private network", ["10.0.0.1"]],
    ["a mapped address", ["::ffff:10.0.0.1"]],
    ["NAT64", ["64:ff9b::7f00:1"]],
    ["a private one among public ones", ["1.2.3.4", "192.168.0.1"]],
  ])("is not an allowed name that leads to %s", async (_, addresses) => {
    await expect(check("registry.example:443", addresses)).rejects.toMatchObject({
      status: 403,
      message: "registry.example has an address that is not public.",
    });
  });

  it("is not a name that nobody knows", async () => {
    await expect(check("registry.example:443", [])).rejects.toMatchObject({ status: 502 });
    const unknown = checkTarget(ACCESS, "registry.example:443", () => Promise.reject(new Error("ENOTFOUND")));
    await expect(unknown).rejects.toMatchObject({ status: 502 });
  });
});

describe("the settings", () => {
  it("are lists", () => {
    expect(parseHosts(" A.example , b.example,")).toEqual(["a.example", "b.example"]);
    expect(parseHosts("none")).toEqual([]);
    expect(parseMirrors("Mirror:80,10.0.0.1:443,[fd00::1]:8080")).toEqual([
      "mirror:80",
      "10.0.0.1:443",
      "[fd00::1]:8080",
    ]);
  });

  it.each(["https://a.example", "a.example:443", "*.example", "10.0.0.1"])("refuse the host %s", (text) => {
    expect(() => parseHosts(text)).toThrow("is not a host name");
  });

  it.each(["a.example", "http://a:80", "a:0", "a:99999", "fd00::1:80x"])("refuse the mirror %s", (text) => {
    expect(() => parseMirrors(text)).toThrow("host:port");
  });
});
