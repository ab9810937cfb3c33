// A small app that speaks runner/protocol.ts over real HTTP and keeps the workspace in a real bare repository.
// For tests of the runner: every request is recorded, and faults can be ordered.
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ClaimAnswer,
  type CommandResult,
  type CommandSpec,
  commandsRequest,
  type HeartbeatAnswer,
  type OutputChunk,
  PROTOCOL_HEADER,
  type RegisterRequest,
  type ReportItem,
  registerRequest,
  reportRequest,
} from "@/runner/protocol";

interface Command {
  command_id: string;
  spec: CommandSpec;
  result: CommandResult | null;
  chunks: OutputChunk[];
}

interface Job {
  claim: ClaimAnswer;
  claimed: boolean;
  over: boolean;
  action: HeartbeatAnswer["action"];
  commands: Command[];
}

interface Handled {
  status: number;
  json?: unknown;
  bytes?: Buffer;
}

/** Limits that leave room for git, node and python. */
export const ROOMY = { memory_mb: 512, work_mb: 64, tmp_mb: 16, inodes: 20_000, cpus: 2, pids: 128 };

/** One running app with at most one job at a time. */
export class ProtocolServer {
  readonly registrations: RegisterRequest[] = [];
  readonly failures: { code: string; message: string }[] = [];
  readonly seen: string[] = [];
  /** Every report that was taken. */
  readonly reports: ReportItem[][] = [];
  /** Answers this status to the next requests whose path ends so, once per entry. */
  readonly faults: { path: string; status: number }[] = [];
  /** Refuses the next bundle with this reason. */
  refusal: string | null = null;
  /** Tokens that are no longer known. */
  readonly revoked = new Set<string>();
  deregistered = 0;
  /** What a worker without a job hears from its heartbeats. */
  idleAction: HeartbeatAnswer["action"] = "none";
  url = "";
  readonly repository = mkdtempSync(join(tmpdir(), "fabrica-protocol-"));
  private readonly tokens = new Map<string, string>();
  private job: Job | null = null;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  async start(): Promise<this> {
    this.git(["init", "-q", "--bare", "-b", "main", this.repository]);
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as { port: number }).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.repository, { recursive: true, force: true });
  }

  /** Offers a job to the next claim. */
  offer(overrides: Partial<ClaimAnswer> = {}): Job {
    const has = this.git(["-C", this.repository, "for-each-ref"]) !== "";
    const claim = {
      job_id: `job-${randomUUID().slice(0, 8)}`,
      run: 1,
      fence: 1,
      limits: ROOMY,
      has_workspace: has,
    };
    this.job = {
      claim: { ...claim, ...overrides },
      claimed: false,
      over: false,
      action: "none",
      commands: [],
    };
    return this.job;
  }

  /** The job offered last. */
  get current(): Job {
    if (!this.job) throw new Error("No job was offered.");
    return this.job;
  }

  /** Puts a command into the offered job and waits for its result. */
  async run(spec: CommandSpec, timeoutMs = 30_000): Promise<Command & { result: CommandResult }> {
    const command = this.post(spec);
    await until(() => command.result !== null, timeoutMs);
    return command as Command & { result: CommandResult };
  }

  /** Puts a command into the offered job without waiting. */
  post(spec: CommandSpec): Command {
    const command: Command = { command_id: randomUUID(), spec, result: null, chunks: [] };
    this.job?.commands.push(command);
    return command;
  }

  /** The files of the newest commit, as "mode path". */
  files(): string[] {
    const rows = this.git(["-C", this.repository, "ls-tree", "-r", "main"]).trim().split("\n");
    return rows.filter(Boolean).map((row) => `${row.slice(0, 6)} ${row.split("\t")[1]}`);
  }

  git(args: string[], input?: string): string {
    return execFileSync("git", args, { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request).catch(() => Buffer.alloc(0));
    const url = new URL(request.url ?? "/", this.url || "http://localhost");
    this.seen.push(`${request.method} ${url.pathname}`);
    const fault = this.faults.findIndex((entry) => url.pathname.endsWith(entry.path));
    const handled =
      fault >= 0
        ? refuse(this.faults.splice(fault, 1)[0]?.status ?? 500)
        : await this.handle(request, url, body).catch((error: unknown) => ({
            status: 500,
            json: { error: { code: "bug", message: String(error) } },
          }));
    response.writeHead(handled.status, handled.json ? { "content-type": "application/json" } : {});
    response.end(
      "bytes" in handled ? handled.bytes : handled.json ? JSON.stringify(handled.json) : undefined,
    );
  }

  private async handle(request: IncomingMessage, url: URL, body: Buffer): Promise<Handled> {
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    if (request.headers[PROTOCOL_HEADER] !== "1") return refuse(426);
    if (url.pathname === "/api/worker/register")
      return token === "registration" ? this.register(body) : refuse(401);
    const [, workerId, action] = /^\/api\/worker\/([^/]+)\/(\w+)$/.exec(url.pathname) ?? [];
    if (!workerId || this.tokens.get(workerId) !== token || this.revoked.has(token)) return refuse(401);
    const json =
      request.headers["content-type"] === "application/json" ? JSON.parse(body.toString("utf8")) : null;
    switch (action) {
      case "heartbeat":
        return this.heartbeat(json);
      case "claim":
        return this.claim(Math.min(json.wait_ms, 1_000));
      case "commands":
        return this.commands(commandsRequest.parse(json));
      case "report":
        return this.report(reportRequest.parse(json).items);
      case "bundle":
        return request.method === "GET" ? this.download() : this.upload(url, body);
      case "fail":
        this.failures.push(json);
        if (this.job) this.job.over = true;
        return { status: 204 };
      case "deregister":
        this.deregistered += 1;
        return { status: 204 };
      default:
        return refuse(404);
    }
  }

  private register(body: Buffer): Handled {
    const request = registerRequest.parse(JSON.parse(body.toString("utf8")));
    this.registrations.push(request);
    const workers = Array.from({ length: request.slots }, () => ({
      worker_id: randomUUID(),
      token: randomUUID(),
    }));
    for (const worker of workers) this.tokens.set(worker.worker_id, worker.token);
    const who = {
      runner_id: request.runner_id ?? randomUUID(),
      runner_secret: request.runner_secret ?? randomUUID(),
    };
    return { status: 200, json: { ...who, workers, heartbeat_seconds: 0.2, lease_seconds: 5 } };
  }

  private heartbeat(json: { lease: { fence: number } | null }): Handled {
    if (!json.lease) return { status: 200, json: { action: this.idleAction } };
    if (!this.job || this.job.over) return refuse(410);
    if (this.job.claim.fence !== json.lease.fence) return refuse(409);
    return { status: 200, json: { action: this.job.action } };
  }

  private async claim(waitMs: number): Promise<Handled> {
    const found = await until(() => this.job !== null && !this.job.claimed && !this.job.over, waitMs).catch(
      () => null,
    );
    if (found === null || !this.job) return { status: 204 };
    this.job.claimed = true;
    return { status: 200, json: this.job.claim };
  }

  private async commands(request: { fence: number; known: string[]; wait_ms: number }): Promise<Handled> {
    const job = this.job;
    const open = () =>
      job?.commands.filter(
        (command) => command.result === null && !request.known.includes(command.command_id),
      ) ?? [];
    await until(() => !job || job.over || open().length > 0, Math.min(request.wait_ms, 1_000)).catch(
      () => null,
    );
    if (!job || job.over) return refuse(410);
    if (job.claim.fence !== request.fence) return refuse(409);
    const commands = open().map(({ command_id, spec }) => ({ command_id, spec }));
    return { status: 200, json: { commands } };
  }

  private report(items: ReportItem[]): Handled {
    if (this.job?.over) return refuse(410);
    this.reports.push(items);
    for (const { command_id, chunks, result } of items) {
      const command = this.job?.commands.find((entry) => entry.command_id === command_id);
      if (!command) return refuse(404);
      command.chunks.push(...chunks);
      command.result ??= result;
    }
    return { status: 204 };
  }

  private download(): Handled {
    if (this.git(["-C", this.repository, "for-each-ref"]) === "") return { status: 204 };
    const args = ["-C", this.repository, "bundle", "create", "-q", "-", "refs/heads/main"];
    return { status: 200, bytes: execFileSync("git", args, { maxBuffer: 1 << 28 }) };
  }

  /** Takes the objects in, and makes its own commit of the same tree, as the real app does. */
  private upload(url: URL, body: Buffer): Handled {
    if (this.refusal) {
      const reason = this.refusal;
      this.refusal = null;
      return { status: 200, json: { accepted: false, reason } };
    }
    const file = join(this.repository, "in.bundle");
    writeFileSync(file, body);
    const at = ["-C", this.repository];
    this.git([
      ...at,
      "fetch",
      "-q",
      file,
      `refs/heads/main:refs/sandbox/${url.searchParams.get("command_id")}`,
    ]);
    const tree = this.git([...at, "rev-parse", "FETCH_HEAD^{tree}"]).trim();
    const who = ["-c", "user.name=App", "-c", "user.email=app@example.invalid"];
    const commit = this.git([...at, ...who, "commit-tree", tree, "-m", "taken in"]).trim();
    this.git([...at, "update-ref", "refs/heads/main", commit]);
    return { status: 200, json: { accepted: true, commit, tree } };
  }
}

function refuse(status: number): Handled {
  return { status, json: { error: { code: `status_${status}`, message: `Refused with ${status}.` } } };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Waits until a condition holds. Throws an Error when it does not in time. */
export async function until(condition: () => boolean, timeoutMs = 10_000): Promise<true> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("The condition did not become true in time.");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}

/** A command that runs a shell script with roomy limits. */
export function shell(
  script: string,
  overrides: Partial<Extract<CommandSpec, { kind: "exec" }>> = {},
): CommandSpec {
  const fixed = { kind: "exec", cwd: ".", env: {}, stdin: null, live: false } as const;
  return {
    ...fixed,
    argv: ["sh", "-c", script],
    timeout_ms: 10_000,
    max_output_bytes: 1_000_000,
    ...overrides,
  };
}

/** A command that saves the workspace. */
export const SNAPSHOT: CommandSpec = { kind: "snapshot", message: "work", timeout_ms: 20_000 };
