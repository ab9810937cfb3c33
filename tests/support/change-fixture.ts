// For tests: an upstream repository on a real server, its mirror, and jobs that change it.
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginFromMirror } from "@/server/workspaces/change-base";
import { git } from "@/server/workspaces/git";
import { type ImportedTree, importBundle } from "@/server/workspaces/import-bundle";
import { refreshMirror } from "@/server/workspaces/mirror";
import { exportBundle } from "@/server/workspaces/repository";
import { SandboxRepository, streamOf } from "@/server/workspaces/sandbox-repository.fixture";
import { type Files, GitServer, type ServerRepository } from "./git-server";

export class ChangeFixture {
  readonly folder = mkdtempSync(join(tmpdir(), "fabrica-change-"));
  readonly dir = join(this.folder, "repos", "job-1.git");
  readonly mirror = join(this.folder, "mirrors", "team", "project.git");
  private readonly sandboxes: SandboxRepository[] = [];

  private constructor(
    readonly server: GitServer,
    readonly upstream: ServerRepository,
  ) {}

  static async start(files: Files): Promise<ChangeFixture> {
    const server = await GitServer.start({ credentials: { username: "robot", password: "tok3n-canary" } });
    const upstream = server.create("project");
    upstream.commit(files);
    return new ChangeFixture(server, upstream);
  }

  get remote() {
    return { url: this.server.url("project"), username: "robot", token: "tok3n-canary" };
  }

  get rules() {
    return { hosts: [], remotes: [this.server.origin] };
  }

  refresh() {
    return refreshMirror(this.mirror, this.remote, this.rules);
  }

  /** Refreshes the mirror and begins at main. */
  async begin(): Promise<{ base: string; root: string; notes: string[] }> {
    await this.refresh();
    const base = this.upstream.tip();
    return { base, ...(await beginFromMirror(this.dir, this.mirror, base)) };
  }

  /** A sandbox that was restored from a commit, as a runner does it. */
  async sandbox(commit: string): Promise<SandboxRepository> {
    const file = join(this.folder, `${commit}.bundle`);
    await writeFile(file, await exportBundle(this.dir, commit));
    const sandbox = new SandboxRepository();
    this.sandboxes.push(sandbox);
    sandbox.restore(file);
    return sandbox;
  }

  /** What a turn does: files changed in a fresh sandbox, taken in on top of a commit. */
  async work(
    on: string,
    change: (sandbox: SandboxRepository) => void,
    message = "Work",
  ): Promise<ImportedTree> {
    const sandbox = await this.sandbox(on);
    change(sandbox);
    sandbox.commit();
    return importBundle(this.dir, streamOf(sandbox.bundle(on)), { parent: on, message, at: new Date(1e12) });
  }

  async read(commit: string, path: string): Promise<string> {
    return (await git(["cat-file", "blob", `${commit}:${path}`], { dir: this.dir })).toString("utf8");
  }

  async stop(): Promise<void> {
    for (const sandbox of this.sandboxes) sandbox.remove();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
