import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { debianMirror, type Mirror } from "./debian-mirror";

const RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n';
let etc: string | null = null;
afterEach(() => {
  if (etc) rmSync(etc, { recursive: true, force: true });
});

function mirrorWith(files: Record<string, string>): Mirror {
  etc = mkdtempSync(join(tmpdir(), "fabrica-mirror-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(etc, name)), { recursive: true });
    writeFileSync(join(etc, name), text);
  }
  return debianMirror(etc);
}

const stanza = (more: string) =>
  `Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n${more}`;

it.each<[string, Record<string, string>, Mirror]>([
  [
    "a paragraph behind one of somebody else",
    {
      "apt/sources.list.d/debian.sources": `Types: deb\nURIs: http://other.test/debian\nSuites: bookworm-security\nComponents: main\n\n${stanza("Signed-By: /keys/debian.gpg\n")}`,
    },
    { uri: "http://mirror.test/debian", signedBy: "/keys/debian.gpg" },
  ],
  [
    "a key in the paragraph itself is not taken for a file",
    {
      "apt/sources.list.d/debian.sources": stanza("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n"),
    },
    { uri: "http://mirror.test/debian", signedBy: null },
  ],
  [
    "a line with options",
    {
      "apt/sources.list":
        "# deb http://off.test/debian bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://lines.test/debian bookworm main contrib # ours\n",
    },
    { uri: "http://lines.test/debian", signedBy: "/k.gpg" },
  ],
  [
    "other vendors of the same release are passed over",
    {
      "apt/sources.list": "deb http://docker.test/linux/debian bookworm stable\n",
      "apt/sources.list.d/z.list": "deb http://lines.test/debian stable main\n",
    },
    { uri: "http://lines.test/debian", signedBy: null },
  ],
])("%s", (_name, files, mirror) => {
  expect(mirrorWith({ "os-release": RELEASE, ...files })).toEqual(mirror);
});

it.each<[string, Record<string, string>]>([
  ["no sources", { "os-release": RELEASE }],
  ["a disabled one", { "os-release": RELEASE, "apt/sources.list.d/a.sources": stanza("Enabled: no\n") }],
  [
    "another system",
    {
      "os-release": "ID=ubuntu\nVERSION_CODENAME=noble\n",
      "apt/sources.list": "deb http://a.test/ubuntu noble main\n",
    },
  ],
])("refuses %s", (_name, files) => {
  expect(() => mirrorWith(files)).toThrow("does not install from a Debian mirror");
});
