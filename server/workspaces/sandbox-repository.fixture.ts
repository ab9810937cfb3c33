// For tests: a repository as a sandbox would have it, driven by the real git, able to hold what an attacker would make.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";

export interface RawEntry {
  mode: string;
  name: string | Buffer;
  oid: string;
}

export class SandboxRepository {
  readonly folder = mkdtempSync(join(tmpdir(), "fabrica-sandbox-"));
  /** Objects made one by one. */
  private readonly made = new Set<string>();

  constructor() {
    this.git(["init", "--quiet", "--initial-branch=main"]);
  }

  git(args: string[], input: string | Buffer = ""): Buffer {
    return execFileSync(
      "git",
      ["-c", "gc.auto=0", "-c", "user.name=Sandbox", "-c", "user.email=sandbox@localhost", ...args],
      {
        cwd: this.folder,
        input,
        stdio: ["pipe", "pipe", "ignore"],
        maxBuffer: 1024 * 1024 * 1024,
        env: {
          PATH: process.env.PATH,
          GIT_CONFIG_NOSYSTEM: "1",
          GIT_CONFIG_GLOBAL: "/dev/null",
          NODE_ENV: "test",
        },
      },
    );
  }

  private id(args: string[], input: string | Buffer = ""): string {
    return this.git(args, input).toString("utf8").trim();
  }

  head(): string {
    return this.id(["rev-parse", "HEAD"]);
  }

  /** Becomes a copy of what a bundle holds, as a restored sandbox does. */
  restore(bundle: string): void {
    this.git(["fetch", "--quiet", bundle, "refs/heads/main"]);
    this.git(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
  }

  write(path: string, content: string | Buffer, mode = 0o644): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  }

  /** Commits everything, also nothing. */
  commit(): string {
    this.git(["add", "--all"]);
    this.git(["commit", "--quiet", "--allow-empty", "--message", "work"]);
    return this.head();
  }

  blob(content: string | Buffer): string {
    return this.keep(this.id(["hash-object", "-w", "--stdin"], content));
  }

  /** A tree with exactly these entries, however wrong. */
  tree(entries: RawEntry[]): string {
    const parts = entries.flatMap((entry) => [
      Buffer.from(`${entry.mode} `),
      Buffer.from(entry.name),
      Buffer.from([0]),
      Buffer.from(entry.oid, "hex"),
    ]);
    return this.keep(
      this.id(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], Buffer.concat(parts)),
    );
  }

  /** Points HEAD at a commit of this tree. */
  commitTree(tree: string): string {
    const commit = this.keep(this.id(["commit-tree", tree, "-m", "work"]));
    this.git(["update-ref", "refs/heads/main", commit]);
    return commit;
  }

  /** Bundle of HEAD, without what `base` has. */
  bundle(base: string | null = null): Buffer {
    return this.git(["bundle", "create", "--quiet", "-", base === null ? "HEAD" : `${base}..HEAD`]);
  }

  /** Bundle of HEAD with the objects made one by one, without git looking at what they say. */
  rawBundle(): Buffer {
    const pack = this.git(
      ["pack-objects", "--stdout", "-q"],
      [...this.made].map((oid) => `${oid}\n`).join(""),
    );
    return Buffer.concat([Buffer.from(`# v2 git bundle\n${this.head()} HEAD\n\n`), pack]);
  }

  private keep(oid: string): string {
    this.made.add(oid);
    return oid;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bytes as they would come in over a line, in pieces of odd size. */
export function streamOf(bytes: Buffer, piece = 7919): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece));
  return Readable.from(pieces);
}
