// Finds the Debian mirror that this machine installs from, by reading apt's own sources. Nothing is changed there.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Mirror {
  uri: string;
  /** Keyring of its signatures; apt's usual ones when nothing is said. */
  signedBy: string | null;
}

interface Source extends Mirror {
  types: string[];
  suites: string[];
  components: string[];
}

const SUITE = /^(?:stable|testing|unstable|sid|oldstable|oldoldstable)$/;

/**
 * The mirror of this machine.
 * @param etc the folder /etc, for tests
 * @throws Error with a plain sentence where packages do not come from Debian
 */
export function debianMirror(etc = "/etc"): Mirror {
  const release = readOrEmpty(join(etc, "os-release"));
  const codename = /^VERSION_CODENAME="?([\w-]+)"?$/m.exec(release)?.[1];
  const isDebian = /^ID="?debian"?$/m.test(release);
  const found = isDebian
    ? sourcesIn(join(etc, "apt")).find(
        ({ types, suites, components }) =>
          types.includes("deb") &&
          components.includes("main") &&
          suites.some((suite) => suite === codename || SUITE.test(suite)),
      )
    : undefined;
  if (!found)
    throw new Error("This machine does not install from a Debian mirror, so no source can be fetched.");
  return { uri: found.uri, signedBy: found.signedBy };
}

function sourcesIn(apt: string): Source[] {
  const parts = join(apt, "sources.list.d");
  const names = listOrEmpty(parts).sort();
  const lines = [
    readOrEmpty(join(apt, "sources.list")),
    ...names.filter((name) => name.endsWith(".list")).map((name) => readOrEmpty(join(parts, name))),
  ];
  const stanzas = names
    .filter((name) => name.endsWith(".sources"))
    .map((name) => readOrEmpty(join(parts, name)));
  return [
    ...stanzas.flatMap((text) => text.split(/\n[ \t]*\n/)).flatMap(fromStanza),
    ...lines.flatMap((text) => text.split("\n")).flatMap(fromLine),
  ];
}

/** `deb [signed-by=/a/file] http://mirror/debian trixie main contrib` */
function fromLine(line: string): Source[] {
  const match = /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
  if (!match) return [];
  const [, type = "", options = "", uri = "", suite = "", components = ""] = match;
  const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1] ?? null;
  return [{ types: [type], uri, suites: [suite], components: words(components), signedBy }];
}

/** A paragraph of a `.sources` file. */
function fromStanza(text: string): Source[] {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([\w-]+):\s*(.*)$/.exec(line);
    if (match) fields.set((match[1] as string).toLowerCase(), (match[2] as string).trim());
  }
  const [uri] = words(fields.get("uris"));
  if (!uri || /^(?:no|false|0)$/i.test(fields.get("enabled") ?? "")) return [];
  const [types, suites, components] = ["types", "suites", "components"].map((name) =>
    words(fields.get(name)),
  );
  // A key that stands in the file itself goes over several lines; only names of keyrings are taken over.
  const signedBy = fields.get("signed-by")?.startsWith("/") ? (fields.get("signed-by") as string) : null;
  return [{ types: types ?? [], uri, suites: suites ?? [], components: components ?? [], signedBy }];
}

const words = (text = "") => text.split(/\s+/).filter(Boolean);

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function listOrEmpty(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
