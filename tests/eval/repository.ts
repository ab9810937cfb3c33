/**
 * The git repository of a task: a commit "Import" with upstream's files as they are, and one with the bug. A change is
 * judged on a copy whose own tests are upstream's again.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Edit, type EvalTask, edited, type NewFile } from "./task";

const run = promisify(execFile);
const REMOTE_MS = 60_000;
const IMPORT = "refs/tags/import";
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

/** A working copy with its repository. */
export class TaskRepository {
  private constructor(
    readonly folder: string,
    readonly task: EvalTask,
  ) {}

  /**
   * Unpacks the archive into `folder`, which is made, and commits: upstream's files, then the bug.
   * @throws Error when the archive cannot be read or a place for the bug is missing
   */
  static make(folder: string, task: EvalTask, archive: string): TaskRepository {
    mkdirSync(folder, { recursive: true });
    execFileSync("tar", ["-xf", archive, "-C", folder, "--strip-components=1", "--no-same-owner"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const repository = new TaskRepository(folder, task);
    repository.git(["init", "--quiet", "--initial-branch=main"]);
    repository.commit("Import");
    repository.git(["update-ref", IMPORT, "HEAD"]);
    repository.edit(task.inject);
    for (const file of task.hidden ?? []) rmSync(join(folder, file));
    repository.add([{ file: "fabrica.json", content: configOf(task) }]);
    repository.commit("Rework for the next release");
    return repository;
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

  /** Everything there is, also what upstream's .gitignore names: it came in the archive. */
  private commit(message: string): void {
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
    for (const { file, content } of files) {
      mkdirSync(dirname(join(this.folder, file)), { recursive: true });
      writeFileSync(join(this.folder, file), content);
    }
  }

  /** The working copy becomes upstream's release. */
  toImport(): void {
    this.reset(IMPORT);
  }

  /** The working copy becomes what a person who reports the bug has. */
  toBroken(): void {
    this.reset("refs/heads/main");
  }

  /** The working copy becomes a commit of somebody's, with the package's own tests as upstream has them. */
  toJudge(commit: string): void {
    this.reset(commit);
    this.ownSuite();
  }

  /** Puts the package's own tests back as upstream has them, hidden ones too. Others stay. */
  ownSuite(): void {
    this.git(["checkout", "--quiet", IMPORT, "--", ...this.task.suite]);
  }

  /** Makes the server's main what the person who reports the bug has. */
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

  private reset(commit: string): void {
    this.git(["checkout", "--quiet", "--force", "--detach", commit]);
    this.git(["clean", "--quiet", "-dffx"]);
  }
}

/** What the packages need is in every sandbox, and the tests are run by the runners that are there. */
function configOf({ commands }: EvalTask): string {
  const config = {
    version: 1,
    setup_command: null,
    lint_command: null,
    test_command: commands?.test ?? null,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
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
