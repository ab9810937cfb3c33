// A host of external agents that speaks the worker protocol with plain requests, as anybody's would.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { RegisterAnswer } from "@/runner/protocol";

const ORIGIN = "http://fabrica.test";

/** The app's own handler of what workers say. */
type Answer = (request: Request) => Promise<Response>;
let registered = 0;

/** A host of external agents that speaks the protocol with plain requests. */
export class ExternalHost {
  fence = 0;
  job = "";
  private constructor(
    private readonly answer: Answer,
    readonly id: string,
    readonly token: string,
  ) {}

  /** @param registration the factory's token for runners */
  static async register(
    answer: Answer,
    registration: string,
    agent: "external" | "factory" = "external",
  ): Promise<ExternalHost> {
    registered += 1;
    const body = {
      protocol: 1,
      name: `host ${registered}`,
      slots: 1,
      driver: "bubblewrap",
      probe: [{ name: "memory", result: "pass", detail: "limited" }],
      programs: {},
      agent,
    };
    const response = await answer(
      new Request(`${ORIGIN}/api/worker/register`, {
        method: "POST",
        headers: { authorization: `Bearer ${registration}` },
        body: JSON.stringify(body),
      }),
    );
    const { workers } = (await response.json()) as RegisterAnswer;
    return new ExternalHost(answer, workers[0]?.worker_id ?? "", workers[0]?.token ?? "");
  }

  send(
    path: string,
    init: { body?: unknown; headers?: Record<string, string>; method?: string; raw?: BodyInit } = {},
  ) {
    const { body, headers = {}, method = "POST", raw } = init;
    return this.answer(
      new Request(`${ORIGIN}/api/worker/${this.id}/${path}`, {
        method,
        headers: { authorization: `Bearer ${this.token}`, "x-fabrica-protocol": "1", ...headers },
        ...(method !== "GET" && { body: raw ?? JSON.stringify(body ?? {}) }),
      }),
    );
  }

  /** A call about the job of the lease. */
  call(path: string, body: object = {}) {
    return this.send(path, { body: { job_id: this.job, fence: this.fence, ...body } });
  }

  async claim(): Promise<boolean> {
    const response = await this.send("claim", { body: { wait_ms: 0 } });
    if (response.status === 204) return false;
    const claim = (await response.json()) as { job_id: string; fence: number };
    this.job = claim.job_id;
    this.fence = claim.fence;
    return true;
  }

  /** A question to a model. */
  ask(body: object, headers: Record<string, string> = {}, path = "anthropic/v1/messages") {
    return this.send(path, { body, headers: { authorization: "", "x-api-key": this.token, ...headers } });
  }

  /** Takes the workspace down, changes files and sends them up. */
  async work(
    files: Record<string, string>,
    {
      beforeSending,
      message = "Iteration 1",
    }: { beforeSending?: () => Promise<unknown>; message?: string } = {},
  ): Promise<Response> {
    const folder = mkdtempSync(join(tmpdir(), "fabrica-external-"));
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@a.test", ...args], {
        cwd: folder,
        encoding: "buffer",
        stdio: ["ignore", "pipe", "ignore"],
      });
    try {
      const down = await this.send(`bundle?job_id=${this.job}&fence=${this.fence}`, { method: "GET" });
      writeFileSync(join(folder, "down.bundle"), Buffer.from(await down.arrayBuffer()));
      git("clone", "-q", "down.bundle", "tree", "-b", "main");
      const tree = ["-C", "tree"];
      const base = git(...tree, "rev-parse", "HEAD")
        .toString()
        .trim();
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, "tree", path)), { recursive: true });
        writeFileSync(join(folder, "tree", path), text);
      }
      git(...tree, "add", "-A");
      git(...tree, "commit", "-q", "--allow-empty", "-m", "theirs");
      const bundle = git(...tree, "bundle", "create", "-q", "-", `^${base}`, "refs/heads/main");
      await beforeSending?.();
      const path = `bundle?job_id=${this.job}&fence=${this.fence}&message=${encodeURIComponent(message)}`;
      return await this.send(path, { raw: new Uint8Array(bundle) });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Files of the workspace as it is now: the text of each, and every object that the host was given. */
  async download(): Promise<{ files: Record<string, string>; objects: string }> {
    const folder = mkdtempSync(join(tmpdir(), "fabrica-external-"));
    const git = (...args: string[]) =>
      execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    try {
      const down = await this.send(`bundle?job_id=${this.job}&fence=${this.fence}`, { method: "GET" });
      writeFileSync(join(folder, "down.bundle"), Buffer.from(await down.arrayBuffer()));
      git("clone", "-q", "down.bundle", "tree", "-b", "main");
      const paths = git("-C", "tree", "ls-files", "-z").split("\0").filter(Boolean);
      const files = Object.fromEntries(
        paths.map((path) => [path, git("-C", "tree", "show", `HEAD:${path}`)]),
      );
      return { files, objects: git("-C", "tree", "cat-file", "--batch-all-objects", "--batch") };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async leave(): Promise<void> {
    await this.send("deregister");
  }
}
