/**
 * A working copy with its own git repository, made the same on every machine, and its way to and from a git server.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Edit, edited, type NewFile } from "./task";

const run = promisify(execFile);
const REMOTE_MS = 60_000;
/** Fixed, so that one task has one commit id on every machine. */
const DATE = "2026-01-01T00:00:00Z";
const ENV = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Upstream",
  GIT_AUTHOR_EMAIL: "upstream@example.invalid",
  GIT_COMMITTER_NAME: "Upstream",
  GIT_COMMITTER_EMAIL: "upstream@example.invalid",
  GIT_AUTHOR_DATE: DATE,
  GIT_COMMITTER_DATE: DATE,
};

/** Who reads and writes at a git server. */
export interface GitAccess {
  username: string;
  password: string;
}

export class GitFolder {
  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** Makes the repository, with these files as its main branch. */
  static of(folder: string, files: readonly NewFile[]): GitFolder {
    const made = new GitFolder(folder);
    made.git(["init", "--quiet", "--initial-branch=main"]);
    made.add(files);
    made.commit("Import");
    return made;
  }

  git(args: string[]): string {
    return execFileSync("git", args, {
      cwd: this.folder,
      env: { ...ENV, NODE_ENV: "test" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 256 * 1024 * 1024,
    }).trim();
  }

  /** Does not block: the server may live in this very process. */
  private async remoteGit(args: string[], access: GitAccess | null): Promise<string> {
    const env = { ...ENV, NODE_ENV: "test" as const, ...headerFor(access) };
    const { stdout } = await run("git", args, { cwd: this.folder, env, timeout: REMOTE_MS });
    return stdout.trim();
  }

  /** Everything there is, also what a .gitignore names. */
  commit(message: string): void {
    this.git(["add", "--all", "--force"]);
    this.git(["commit", "--quiet", "--message", message]);
  }

  /** Makes edits in the working copy. */
  edit(edits: readonly Edit[]): void {
    for (const edit of edits) {
      const path = join(this.folder, edit.file);
      writeFileSync(path, edited(readFileSync(path, "utf8"), edit));
    }
  }

  /** Adds files to the working copy. */
  add(files: readonly NewFile[]): void {
    writeFiles(this.folder, files);
  }

  /** The working copy becomes a commit. */
  reset(commit: string): void {
    this.git(["checkout", "--quiet", "--force", "--detach", commit]);
    this.git(["clean", "--quiet", "-dffx"]);
  }

  /** Makes the server's main what is the main branch here. */
  async push(url: string, access: GitAccess | null): Promise<void> {
    await this.remoteGit(["push", "--quiet", "--force", url, "refs/heads/main:refs/heads/main"], access);
  }

  /** The commit of a branch of the server, taken over; null when there is no such branch. */
  async fetch(url: string, branch: string, access: GitAccess | null): Promise<string | null> {
    const ref = `refs/heads/${branch}`;
    if ((await this.remoteGit(["ls-remote", url, ref], access)) === "") return null;
    await this.remoteGit(["fetch", "--quiet", url, ref], access);
    return this.git(["rev-parse", "FETCH_HEAD"]);
  }
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: readonly NewFile[]): void {
  for (const { file, content } of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
}

/** In the environment, so that no list of processes shows it. */
function headerFor(access: GitAccess | null): Record<string, string> {
  if (!access) return {};
  const basic = Buffer.from(`${access.username}:${access.password}`).toString("base64");
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "http.extraHeader",
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
  };
}
