// Installs the toolchain folder (runner/toolchain with its packages) that sandboxes mount read-only.
// Dependency-free, because the launcher runs it before anything is installed. Invariant: a folder that has its final
// name is complete, readable by every user, and never changed again.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  cp,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "../runner/toolchain");

/** Where installed toolchains are kept: outside of a home directory when root, whose home other users cannot enter. */
export function defaultCacheDir() {
  if (process.env.FABRICA_CACHE_DIR) return process.env.FABRICA_CACHE_DIR;
  return process.getuid?.() === 0 ? "/var/cache/fabrica" : join(homedir(), ".cache", "fabrica");
}

/**
 * Makes sure that the toolchain of this version of the source is installed.
 * The packages are installed once per lock file; a change of our own programs only links them into a new folder.
 * @param {string} cacheDir folder for installed toolchains, made when missing
 * @returns {Promise<string>} absolute path of the complete folder
 * @throws Error with npm's last lines when the packages cannot be installed
 */
export async function installToolchain(cacheDir = defaultCacheDir()) {
  const made = await mkdir(cacheDir, { recursive: true });
  if (made)
    for (let place = cacheDir; place.length >= made.length; place = dirname(place)) await chmod(place, 0o755);
  const lock = await readFile(join(SOURCE, "package-lock.json"));
  const platform = `${process.platform}-${process.arch}`;
  const packagesKey = hash([platform, lock]);
  const sources = await sourceFiles(SOURCE);
  const key = hash([packagesKey, ...sources.flatMap(({ path, content }) => [path, content])]);
  const target = join(cacheDir, `toolchain-${key}`);
  if (await exists(target)) return target;

  const packages = join(cacheDir, `toolchain-packages-${packagesKey}`);
  if (!(await exists(packages))) await build(cacheDir, packages, installPackages);
  await build(cacheDir, target, async (folder) => {
    await linkTree(join(packages, "node_modules"), join(folder, "node_modules"));
    for (const { path } of sources) await cp(join(SOURCE, path), join(folder, path), { recursive: true });
    await makeReadable(folder, "node_modules");
  });
  return target;
}

/** Fills a temporary folder and gives it its final name in one step; of two at once, the first wins. */
async function build(cacheDir, target, fill) {
  const temporary = await mkdtemp(join(cacheDir, ".installing-"));
  try {
    await fill(temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!(await exists(target))) throw error;
  }
}

async function installPackages(folder) {
  for (const name of ["package.json", "package-lock.json"]) await cp(join(SOURCE, name), join(folder, name));
  await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"], folder);
  await makeReadable(folder);
}

function npm(args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn("npm", args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (data) => {
      output = (output + data).slice(-4000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(
            `The toolchain's packages could not be installed (npm ci, code ${code}):\n${output.trim()}`,
          ),
        );
    });
  });
}

/** Our own files of the toolchain with their content, sorted by path. */
async function sourceFiles(folder, below = "") {
  const found = [];
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name === "node_modules" || entry.name === "__pycache__") continue;
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory()) found.push(...(await sourceFiles(folder, path)));
    else found.push({ path, content: await readFile(join(folder, path)) });
  }
  return found;
}

/** The same tree with hard links for files: no second copy of the packages on disk. */
async function linkTree(from, to) {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, copy);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), copy);
    else await link(source, copy);
  }
}

/** Sandboxes run as another user, whatever the umask was here. */
async function makeReadable(folder, except) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name === except || entry.isSymbolicLink()) continue;
    const path = join(folder, entry.name);
    const { mode } = await lstat(path);
    await chmod(path, mode | (entry.isDirectory() || mode & 0o100 ? 0o555 : 0o444));
    if (entry.isDirectory()) await makeReadable(path);
  }
}

async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function hash(parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part).update("\0");
  return sum.digest("hex").slice(0, 16);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await installToolchain(process.argv[2]));
