import { describe, expect, it } from "vitest";
import { pinAddress } from "./remote-address";
import { openRemote } from "./remote-git";
import { checkRepositoryUrl, RemoteRefused, type RemoteRules } from "./remote-url";

const RULES: RemoteRules = {
  hosts: ["github.com", "git.example"],
  remotes: ["http://127.0.0.1:3000", "https://forge.example:8443", "http://[::1]:3000"],
};

describe("addresses that may be used", () => {
  it.each([
    ["https://github.com/owner/name.git", "https://github.com/owner/name.git"],
    ["https://github.com/owner/name/", "https://github.com/owner/name"],
    ["https://GitHub.com/Owner/Name", "https://github.com/Owner/Name"],
    ["https://git.example/a/b/c~d/e+f_g-h.i", "https://git.example/a/b/c~d/e+f_g-h.i"],
    ["http://127.0.0.1:3000/x.git", "http://127.0.0.1:3000/x.git"],
    ["https://forge.example:8443/x", "https://forge.example:8443/x"],
    ["http://[::1]:3000/x", "http://[::1]:3000/x"],
  ])("%s", (given, href) => {
    expect(checkRepositoryUrl(given, RULES).href).toBe(href);
  });
});

/** Every way in which an address can be something else than a repository on an allowed host. */
const REFUSED: [name: string, url: string][] = [
  ["nothing", ""],
  ["a program of git's", "ext::sh -c touch% /tmp/x"],
  ["a program of git's with a slash", "ext::/bin/sh"],
  ["a helper of git's", "https::https://github.com/a/b"],
  ["a file", "file:///etc/passwd"],
  ["a path", "/srv/git/x.git"],
  ["a relative path", "../x.git"],
  ["an option", "--upload-pack=touch /tmp/x"],
  ["an option in the path", "https://github.com/--upload-pack=x"],
  ["an option in a host", "https://-oProxyCommand=x/a/b"],
  ["ssh with an option", "ssh://-oProxyCommand=touch%20x/a"],
  ["ssh", "ssh://git@github.com/a/b"],
  ["scp", "git@github.com:a/b.git"],
  ["git", "git://github.com/a/b"],
  ["ftp", "ftp://github.com/a/b"],
  ["a web script", "javascript://github.com/a"],
  ["plain http", "http://github.com/a/b"],
  ["a capital scheme", "HTTPS://github.com/a/b"],
  ["a user", "https://someone@github.com/a/b"],
  ["a token", "https://x:secret-canary@github.com/a/b"],
  ["an empty user", "https://@github.com/a/b"],
  ["an allowed host as the user", "https://github.com@evil.example/a/b"],
  ["an allowed host as a part", "https://github.com.evil.example/a/b"],
  ["an allowed host at the end", "https://evilgithub.com/a/b"],
  ["a dot at the host's end", "https://github.com./a/b"],
  ["a backslash", "https://github.com\\@evil.example/a/b"],
  ["a backslash for a slash", "https:\\\\github.com\\a"],
  ["a query", "https://github.com/a/b?service=x"],
  ["a fragment", "https://github.com/a/b#x"],
  ["a fragment before the host's end", "https://github.com#@evil.example/a"],
  ["a port", "https://github.com:8080/a/b"],
  ["the usual port", "https://github.com:443/a/b"],
  ["an empty port", "https://github.com:/a/b"],
  ["an allowed origin on another port", "http://127.0.0.1:3001/x"],
  ["an allowed origin by another scheme", "https://127.0.0.1:3000/x"],
  ["loopback", "https://127.0.0.1/a"],
  ["loopback by name", "https://localhost/a"],
  ["loopback in decimal", "https://2130706433/a"],
  ["loopback in octal", "https://0177.0.0.1/a"],
  ["loopback in hex", "https://0x7f.0.0.1/a"],
  ["loopback in short", "https://127.1/a"],
  ["an allowed origin in decimal", "http://2130706433:3000/x"],
  ["an allowed origin in hex", "http://0x7f000001:3000/x"],
  ["IPv6 loopback", "https://[::1]/a"],
  ["IPv6 with IPv4 in it", "https://[::ffff:127.0.0.1]/a"],
  ["IPv6 with IPv4 in hex in it", "https://[::ffff:7f00:1]/a"],
  ["an allowed origin in long IPv6", "http://[0:0:0:0:0:0:0:1]:3000/x"],
  ["a zone", "https://[fe80::1%25eth0]/a"],
  ["metadata", "https://169.254.169.254/latest"],
  ["metadata by name", "https://metadata.google.internal/x"],
  ["a tab in the host", "https://git\thub.com/a/b"],
  ["a newline in the host", "https://github.com\n.evil.example/a/b"],
  ["a newline at the end", "https://github.com/a/b\n"],
  ["a space in front", " https://github.com/a/b"],
  ["a NUL", "https://github.com/a\0b"],
  ["an escaped NUL", "https://github.com/a%00b"],
  ["an escaped slash", "https://github.com/a%2f..%2fb"],
  ["an escape in the host", "https://%67ithub.com/a/b"],
  ["a full-width dot", "https://github\uff0ecom/a/b"],
  ["a Cyrillic letter", "https://g\u0456thub.com/a/b"],
  ["its Punycode", "https://xn--gthub-cyf.com/a/b"],
  ["an invisible letter", "https://git\u200bhub.com/a/b"],
  ["a soft hyphen", "https://git\u00adhub.com/a/b"],
  ["dots in the path", "https://github.com/a/../b"],
  ["a dot in the path", "https://github.com/./a"],
  ["no path", "https://github.com"],
  ["an empty path", "https://github.com/"],
  ["two slashes", "https://github.com//a/b"],
  ["no host", "https:///a/b"],
  ["one slash", "https:/github.com/a/b"],
  ["a quote", 'https://github.com/a"b'],
  ["a dollar", "https://github.com/$(id)"],
  ["an endless one", `https://github.com/${"a".repeat(3_000)}`],
];

describe("addresses that are refused, before any process or socket", () => {
  it.each(REFUSED)("%s", async (_name, url) => {
    expect(() => checkRepositoryUrl(url, RULES)).toThrow(RemoteRefused);
    const resolve = () => Promise.reject(new Error("was looked up"));
    await expect(openRemote({ url, username: null, token: null }, RULES, resolve)).rejects.toThrow(
      RemoteRefused,
    );
  });

  it("in sentences that repeat nothing of the address", () => {
    for (const [, url] of REFUSED) {
      try {
        checkRepositoryUrl(url, RULES);
      } catch (error) {
        expect((error as Error).message).toMatch(/^[A-Z][^\n]*\.$/);
        expect((error as Error).message).not.toMatch(/secret-canary|evil/);
      }
    }
  });
});

describe("where a name leads", () => {
  const url = new URL("https://github.com/a/b");

  it.each([
    "127.0.0.1",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "172.31.0.1",
    "192.168.1.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "fe80::1",
    "fd00::1",
    "2002:7f00:1::",
    "2001:db8::1",
    "fd00:ec2::254",
  ])("%s is not public, also beside one that is", async (address) => {
    await expect(pinAddress(url, false, async () => [address])).rejects.toThrow(RemoteRefused);
    await expect(pinAddress(url, false, async () => ["140.82.112.3", address])).rejects.toThrow(
      RemoteRefused,
    );
    expect(await pinAddress(url, true, async () => [address])).toContain(address);
  });

  it("is told to curl with every address", async () => {
    const resolve = async () => ["140.82.112.3", "2606:50c0:8000::64"];
    expect(await pinAddress(url, false, resolve)).toBe("github.com:443:140.82.112.3,[2606:50c0:8000::64]");
    expect(await pinAddress(new URL("http://git.test:3000/x"), true, async () => ["127.0.0.1"])).toBe(
      "git.test:3000:127.0.0.1",
    );
    expect(await pinAddress(new URL("http://[::1]:3000/x"), true)).toBeNull();
  });

  it("is unreachable when it leads nowhere", async () => {
    const nowhere = () => Promise.reject(Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" }));
    await expect(pinAddress(url, false, nowhere)).rejects.toMatchObject({ code: "unreachable" });
  });
});
