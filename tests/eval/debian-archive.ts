/**
 * Upstream's source archives out of Debian, by `apt-get source` with settings, lists and cache of its own: those of
 * the machine stay as they are. apt checks signatures and sums. Invariant: a file in the cache is complete.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultCacheDir } from "@/scripts/install-toolchain.mjs";
import { debianMirror } from "./debian-mirror";

/** Releases whose sources are looked through, whichever one this machine runs. */
const SUITES = "bookworm trixie";
const APT_MS = 300_000;
const run = promisify(execFile);

export interface Source {
  debian: string;
  /** Upstream's version. */
  version: string;
}

/** Where archives are kept from run to run. */
export const sourceCacheDir = (): string => join(defaultCacheDir(), "eval-sources");

const nameOf = ({ debian, version }: Source) => `${debian}_${version}.tar`;

/**
 * The archive of each source, fetched when it is not in the cache.
 * @returns by `package version`: the file, or why there is none
 */
export async function fetchArchives(
  sources: readonly Source[],
  cache = sourceCacheDir(),
): Promise<Map<Source, { file: string } | { problem: string }>> {
  mkdirSync(cache, { recursive: true });
  const kept = new Set(readdirSync(cache));
  const missing = sources.filter((source) => !kept.has(nameOf(source)));
  const problems = new Map<Source, string>();
  if (missing.length > 0)
    await withApt(cache, (apt) => fetchAll(apt, missing, cache, problems), missing, problems);
  return new Map(
    sources.map((source) => {
      const problem = problems.get(source);
      return [source, problem ? { problem } : { file: join(cache, nameOf(source)) }];
    }),
  );
}

type Apt = (program: "apt-get" | "apt-cache", args: string[], cwd?: string) => Promise<string>;

/** Gives apt a folder of its own for as long as `work` takes. */
async function withApt(
  cache: string,
  work: (apt: Apt) => Promise<void>,
  missing: readonly Source[],
  problems: Map<Source, string>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fabrica-apt-"));
  try {
    const config = await writeSettings(folder);
    const apt: Apt = async (program, args, cwd = cache) => {
      const env = { ...process.env, APT_CONFIG: config, LC_ALL: "C.UTF-8" };
      const options = { cwd, env, timeout: APT_MS, maxBuffer: 64 * 1024 * 1024 };
      return (await run(program, args, options)).stdout;
    };
    await apt("apt-get", ["update", "--quiet", "--error-on=any"]);
    await work(apt);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    for (const source of missing) if (!problems.has(source)) problems.set(source, said.slice(-500));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Settings with the machine's mirror and proxy, and nothing else of the machine's: no hooks, no other sources. */
async function writeSettings(folder: string): Promise<string> {
  const { uri, signedBy } = debianMirror();
  for (const part of ["sources.list.d", "state/lists/partial", "cache/archives/partial"])
    mkdirSync(join(folder, part), { recursive: true });
  const source = ["Types: deb-src", `URIs: ${uri}`, `Suites: ${SUITES}`, "Components: main"];
  if (signedBy) source.push(`Signed-By: ${signedBy}`);
  writeFileSync(join(folder, "sources.list.d/debian.sources"), `${source.join("\n")}\n`);
  const { stdout } = await run("apt-config", ["dump"]);
  const config = join(folder, "apt.conf");
  const lines = [
    ...stdout.split("\n").filter((line) => /^Acquire::(?:http|https|ftp|Retries)\b/.test(line)),
    `Dir::State "${folder}/state";`,
    'Dir::State::status "/dev/null";',
    `Dir::Cache "${folder}/cache";`,
    'Dir::Etc::parts "/dev/null";',
    'Dir::Etc::main "/dev/null";',
    'Dir::Etc::sourcelist "/dev/null";',
    `Dir::Etc::sourceparts "${folder}/sources.list.d";`,
    'APT::Sandbox::User "root";',
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  return config;
}

async function fetchAll(
  apt: Apt,
  missing: readonly Source[],
  cache: string,
  problems: Map<Source, string>,
): Promise<void> {
  for (const source of missing) {
    try {
      await fetchOne(apt, source, cache);
    } catch (error) {
      problems.set(source, error instanceof Error ? error.message : String(error));
    }
  }
}

async function fetchOne(apt: Apt, source: Source, cache: string): Promise<void> {
  const found = releasesOf(
    await apt("apt-cache", ["showsrc", "--only-source", source.debian]),
    source.version,
  );
  if (found.length === 0) throw new Error(`Debian's ${SUITES} have no ${source.debian} ${source.version}.`);
  const folder = mkdtempSync(join(cache, ".fetching-"));
  try {
    let said = "";
    for (const { version, file, sha256 } of found) {
      const args = ["source", "--quiet", "--download-only", "--tar-only", "--only-source"];
      // Of several archives of one source only upstream's own is needed, so that one may come although apt complains.
      await apt("apt-get", [...args, `${source.debian}=${version}`], folder).catch((error: Error) => {
        said = error.message;
      });
      if (!readdirSync(folder).includes(file) || sumOf(join(folder, file)) !== sha256) continue;
      renameSync(join(folder, file), join(cache, nameOf(source)));
      return;
    }
    throw new Error(`The mirror did not give ${source.debian} ${source.version}: ${said.slice(-300)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sumOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Debian's own revisions of one version of upstream's, with their archive. */
function releasesOf(records: string, upstream: string): { version: string; file: string; sha256: string }[] {
  return records.split(/\n\s*\n/).flatMap((record) => {
    const version = /^Version: (\S+)$/m.exec(record)?.[1] ?? "";
    const archive = /^ ([0-9a-f]{64}) \d+ (\S+\.orig\.tar\.\w+)$/m.exec(record);
    if (!archive || version.replace(/^\d+:/, "").replace(/-[^-]*$/, "") !== upstream) return [];
    return [{ version, sha256: archive[1] as string, file: archive[2] as string }];
  });
}
