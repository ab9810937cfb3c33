// A package registry of npm and of Python on this machine, over TLS, with small real packages made by npm and by hand.
// It lies at 127.0.0.2, because programs never ask a proxy for 127.0.0.1.
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const HERE = "127.0.0.2";

export interface NpmPackage {
  name: string;
  files: Record<string, string>;
  dependencies?: Record<string, string>;
  scripts?: Record<string, string>;
}

/** Version of every package here. */
export const VERSION = "1.2.3";

export class PackageRegistry {
  /** Paths of requests, in order. */
  readonly asked: string[] = [];
  /** Answers nothing but 503 while it is set. */
  isDown = false;
  /** File with the certificate. */
  readonly ca: string;
  private readonly npm = new Map<string, { manifest: object; integrity: string; tarball: Buffer }>();
  private readonly wheels = new Map<string, { file: string; bytes: Buffer }>();

  private constructor(
    private readonly folder: string,
    private readonly server: Server,
  ) {
    this.ca = join(folder, "cert.pem");
    server.on("request", (request, response) => {
      const path = decodeURIComponent(request.url ?? "/");
      this.asked.push(path);
      const answer = this.isDown ? { status: 503, type: "text/plain", body: "down" } : this.answer(path);
      response
        .writeHead(answer.status, { "content-type": answer.type, connection: "close" })
        .end(answer.body);
    });
  }

  /** Starts it with a certificate of its own in `folder`. */
  static async start(folder: string): Promise<PackageRegistry> {
    mkdirSync(folder, { recursive: true });
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const name = ["-subj", `/CN=${HERE}`, "-addext", `subjectAltName=IP:${HERE},DNS:localhost`];
    const shape = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    execFileSync("openssl", ["req", ...shape, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) });
    await new Promise<void>((resolve) => server.listen(0, HERE, resolve));
    return new PackageRegistry(folder, server);
  }

  /** For RUNNER_MIRRORS. */
  get target(): string {
    return `${HERE}:${(this.server.address() as AddressInfo).port}`;
  }
  get npmUrl(): string {
    return `https://${this.target}/`;
  }
  get pythonUrl(): string {
    return `https://${this.target}/simple/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Packs folders by npm and offers them. */
  addNpm(packages: readonly NpmPackage[]): void {
    const folders = packages.map(({ name, files, ...rest }) => {
      const own = join(this.folder, "npm", name);
      const manifest = JSON.stringify({ name, version: VERSION, main: "index.js", ...rest });
      writeFiles(own, { ...files, "package.json": manifest });
      return own;
    });
    const options = ["--json", "--pack-destination", this.folder];
    const told = execFileSync("npm", ["pack", ...options, ...folders], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    for (const { name, filename } of JSON.parse(told) as { name: string; filename: string }[]) {
      const tarball = readFileSync(join(this.folder, filename));
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      const manifest = JSON.parse(readFileSync(join(this.folder, "npm", name, "package.json"), "utf8"));
      this.npm.set(name, { manifest, integrity, tarball });
    }
  }

  /** Makes a wheel with one module. */
  addWheel(name: string, source: string): void {
    const own = join(this.folder, "wheels", name);
    const info = `${name}-${VERSION}.dist-info`;
    writeFiles(own, {
      [`${name}.py`]: source,
      [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${VERSION}\n`,
      [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
      [`${info}/RECORD`]: `${name}.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
    });
    const file = `${name}-${VERSION}-py3-none-any.whl`;
    execFileSync("python3", ["-m", "zipfile", "-c", join(this.folder, file), `${name}.py`, info], {
      cwd: own,
    });
    this.wheels.set(name, { file, bytes: readFileSync(join(this.folder, file)) });
  }

  /** The lock file that npm makes of a manifest with these packages. */
  async lockFor(manifest: object): Promise<string> {
    const own = join(this.folder, "lock");
    writeFiles(own, { "package.json": JSON.stringify(manifest) });
    const options = [
      "--package-lock-only",
      "--ignore-scripts",
      `--registry=${this.npmUrl}`,
      `--cafile=${this.ca}`,
    ];
    const env = { PATH: process.env.PATH, HOME: own } as never;
    // Not synchronously: this process is the registry, too.
    await promisify(execFile)("npm", ["install", ...options], { cwd: own, env, timeout: 60_000 });
    return readFileSync(join(own, "package-lock.json"), "utf8");
  }

  private answer(path: string): { status: number; type: string; body: string | Buffer } {
    const bytes = (body: Buffer) => ({ status: 200, type: "application/octet-stream", body });
    if (path.startsWith("/simple/")) {
      const wheel = this.wheels.get((path.split("/")[2] ?? "").replaceAll("-", "_"));
      const body = wheel ? `<html><body><a href="/files/${wheel.file}">${wheel.file}</a></body></html>` : "";
      return { status: wheel ? 200 : 404, type: "text/html", body };
    }
    const wheel = [...this.wheels.values()].find(({ file }) => path === `/files/${file}`);
    if (wheel) return bytes(wheel.bytes);
    const found = this.npm.get(path.slice(1).replace(/\.tgz$/, ""));
    if (!found) return { status: 404, type: "application/json", body: "{}" };
    if (path.endsWith(".tgz")) return bytes(found.tarball);
    const dist = { tarball: `${this.npmUrl}${path.slice(1)}.tgz`, integrity: found.integrity };
    const versions = { [VERSION]: { ...found.manifest, dist } };
    const body = JSON.stringify({ name: path.slice(1), "dist-tags": { latest: VERSION }, versions });
    return { status: 200, type: "application/json", body };
  }
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Makes a toolchain folder that brings npm, because the image has none. */
export function makeToolchain(folder: string): void {
  const npm = dirname(dirname(realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim())));
  const modules = join(folder, "node_modules");
  cpSync(npm, join(modules, "npm"), { recursive: true });
  writeFiles(modules, {
    ".bin/npm": '#!/bin/sh\nexec node /opt/toolchain/node_modules/npm/bin/npm-cli.js "$@"\n',
  });
  chmodSync(join(modules, ".bin/npm"), 0o755);
}

/** What the app would send down: one commit with these files. `folder`: for what is made on the way. */
export function bundleOf(folder: string, files: Record<string, string>): Uint8Array {
  const own = mkdtempSync(join(folder, "project-"));
  const git = (...args: string[]) => execFileSync("git", ["-C", own, ...args], { maxBuffer: 1e8 });
  git("init", "-q", "-b", "main");
  writeFiles(own, files);
  git("add", "-A");
  git("-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "files");
  return git("bundle", "create", "-q", "-", "main");
}
