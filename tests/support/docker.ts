// A Docker daemon of the tests' own: private socket, temporary data, no network, and the sandbox image in it.
// The base system is made once with debootstrap and kept as a tarball; nothing stays running after `stop`.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";
import type Docker from "dockerode";
import { build } from "esbuild";
import { connectDocker } from "@/runner/sandbox/docker";
import { until } from "./protocol-server";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const BASE = "fabrica-base";
const PACKAGES = ["nodejs", "python3", "python3-pytest", "git", "ripgrep"];
/** Raised when PACKAGES or the suite change, so that an old tarball is not used. */
const BASE_VERSION = 1;
export const SANDBOX_IMAGE = "fabrica-sandbox";

/** A running daemon. */
export interface DockerDaemon {
  /** For DOCKER_HOST. */
  host: string;
  client: Docker;
  image: string;
  /** Path of the bundled supervisor. */
  supervisor: string;
  stop(): Promise<void>;
}

/** Where what is dear to make is kept between runs. */
export function cacheDir(): string {
  const fallback = process.getuid?.() === 0 ? "/var/cache/fabrica" : join(tmpdir(), "fabrica-cache");
  return process.env.FABRICA_CACHE_DIR || fallback;
}

/** Starts a daemon with the sandbox image. Needs root, dockerd and (the first time) debootstrap with a package mirror. */
export async function startDocker(): Promise<DockerDaemon> {
  const tarball = await baseTarball();
  const folder = mkdtempSync(join(tmpdir(), "fabrica-docker-"));
  const socket = join(folder, "docker.sock");
  const daemon = startDaemon(folder, socket);
  const stop = () => stopDaemon(daemon, folder);
  try {
    await until(() => existsSync(socket) || daemon.exitCode !== null, 60_000);
    const client = await connectDocker(`unix://${socket}`);
    await waitForDaemon(client, daemon, folder);
    await loadImage(client, tarball);
    const supervisor = join(folder, "supervisor.cjs");
    await bundleSupervisor(supervisor);
    return { host: `unix://${socket}`, client, image: SANDBOX_IMAGE, supervisor, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Bundles the supervisor into one file. */
export async function bundleSupervisor(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(ROOT, "runner/supervisor/main.ts")],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "error",
  });
}

/** Makes the base system once and returns its tarball. */
export async function baseTarball(): Promise<string> {
  const cache = cacheDir();
  const tarball = join(cache, `sandbox-base-${BASE_VERSION}-${process.arch}.tar.gz`);
  if (existsSync(tarball)) return tarball;
  mkdirSync(cache, { recursive: true });
  const root = mkdtempSync(join(cache, "base-"));
  try {
    await run("debootstrap", ["--variant=minbase", `--include=${PACKAGES.join(",")}`, "trixie", root], {
      maxBuffer: 64 * 1024 * 1024,
    });
    const leave = [
      "var/cache/apt",
      "var/lib/apt/lists",
      "usr/share/doc",
      "usr/share/man",
      "usr/share/locale",
    ];
    const excludes = leave.map((path) => `--exclude=./${path}/*`);
    const tar = spawn("tar", ["-C", root, "--numeric-owner", ...excludes, "-cf", "-", "."], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await pipeline(tar.stdout, createGzip({ level: 1 }), createWriteStream(`${root}.tar.gz`));
    renameSync(`${root}.tar.gz`, tarball);
    return tarball;
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(`${root}.tar.gz`, { force: true });
  }
}

function startDaemon(folder: string, socket: string): ChildProcess {
  const log = openSync(join(folder, "dockerd.log"), "a");
  const args = [
    `--host=unix://${socket}`,
    `--data-root=${join(folder, "data")}`,
    `--exec-root=${join(folder, "exec")}`,
    `--pidfile=${join(folder, "docker.pid")}`,
    ...["--iptables=false", "--ip6tables=false", "--bridge=none", "--userland-proxy=false"],
    // A containerd of its own, so that nothing is shared with a daemon of this machine.
    "--containerd-namespace=fabrica",
    "--log-level=warn",
  ];
  return spawn("dockerd", args, { cwd: folder, stdio: ["ignore", log, log] });
}

async function waitForDaemon(client: Docker, daemon: ChildProcess, folder: string): Promise<void> {
  let answers = false;
  const ask = () =>
    client.ping().then(
      () => (answers = true),
      () => setTimeout(ask, 50),
    );
  void ask();
  await until(() => answers || daemon.exitCode !== null, 60_000);
  if (!answers) {
    const { stdout } = await run("tail", ["-n", "20", join(folder, "dockerd.log")]);
    throw new Error(`dockerd did not start:\n${stdout}`);
  }
}

async function loadImage(client: Docker, tarball: string): Promise<void> {
  await settle(
    client,
    await client.importImage(createReadStream(tarball) as never, { repo: BASE, tag: "latest" }),
  );
  const context = { context: join(ROOT, "runner/image"), src: ["Dockerfile"] };
  const options = { t: SANDBOX_IMAGE, buildargs: { BASE, INSTALLERS: "" }, networkmode: "none" };
  await settle(client, await client.buildImage(context, options));
}

/** Reads a progress stream of the daemon to its end. Throws an Error with the message that it carries. */
function settle(client: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    client.modem.followProgress(stream, (error: Error | null, rows: { error?: string }[]) => {
      const message = error?.message ?? rows?.find((row) => row.error)?.error;
      if (message) reject(new Error(message));
      else resolve();
    });
  });
}

async function stopDaemon(daemon: ChildProcess, folder: string): Promise<void> {
  if (daemon.exitCode === null && daemon.signalCode === null) {
    daemon.kill("SIGTERM");
    await once(daemon, "exit");
  }
  // The daemon leaves its mounts of container folders behind when it was killed.
  const { stdout } = await run("cat", ["/proc/self/mounts"]);
  const mounts = stdout.split("\n").map((line) => line.split(" ")[1] ?? "");
  for (const path of mounts.filter((path) => path.startsWith(`${folder}/`)).reverse()) {
    await run("umount", ["-l", path]).catch(() => {});
  }
  await rm(folder, { recursive: true, force: true });
}
