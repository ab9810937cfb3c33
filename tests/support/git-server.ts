/**
 * A real git server on loopback: node's http in front of `git http-backend`, with Basic authentication. What happens
 * to its repositories behind the back of a client is done with `repository.git(…)`, as somebody else's push would.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const BASE_ENV = {
  PATH: process.env.PATH ?? "/usr/bin:/bin",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_COUNT: "2",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
  // Nothing goes on in the background when a request was answered.
  GIT_CONFIG_KEY_1: "gc.auto",
  GIT_CONFIG_VALUE_1: "0",
  GIT_AUTHOR_NAME: "Upstream",
  GIT_AUTHOR_EMAIL: "upstream@example.invalid",
  GIT_COMMITTER_NAME: "Upstream",
  GIT_COMMITTER_EMAIL: "upstream@example.invalid",
} as const;

export interface GitServerOptions {
  /** Who may read and write; everybody when left out. */
  credentials?: { username: string; password: string };
  /** What is asked before git is: true when it has answered. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** One request as it came in. */
export interface SeenRequest {
  method: string;
  url: string;
  authorization: string | undefined;
  protocol: string | undefined;
}

/** A file's text or bytes, or null to remove it. */
export type Files = Record<string, string | Buffer | null>;

export class GitServer {
  readonly requests: SeenRequest[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), "fabrica-git-server-"));
  private readonly backends = new Set<Promise<unknown>>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  private constructor(private readonly options: GitServerOptions) {}

  /** Listens on a free port of 127.0.0.1. */
  static async start(options: GitServerOptions = {}): Promise<GitServer> {
    const server = new GitServer(options);
    await new Promise<void>((resolve) => server.server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  url(name: string): string {
    return `${this.origin}/${name}.git`;
  }

  /** Makes an empty repository. */
  create(name: string): ServerRepository {
    return new ServerRepository(join(this.folder, `${name}.git`));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await Promise.all(this.backends);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "/", headers } = request;
    const protocol = headers["git-protocol"];
    this.requests.push({ method, url, authorization: headers.authorization, protocol: protocol?.toString() });
    if (this.options.intercept?.(request, response)) return;
    if (!this.admits(headers.authorization)) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end("Who are you?");
      return;
    }
    this.runBackend(request, response);
  }

  private admits(authorization: string | undefined): boolean {
    const { credentials } = this.options;
    if (!credentials) return true;
    const wanted = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
    return authorization === `Basic ${wanted}`;
  }

  /** CGI as in RFC 3875: headers, an empty line, the body. */
  private runBackend(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.origin);
    const backend = spawn("git", ["http-backend"], {
      env: {
        ...BASE_ENV,
        NODE_ENV: "test",
        GIT_PROJECT_ROOT: this.folder,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? "GET",
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        ...(request.headers["content-length"] ? { CONTENT_LENGTH: request.headers["content-length"] } : {}),
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        GIT_PROTOCOL: request.headers["git-protocol"]?.toString() ?? "",
        // Whoever is known by name may push, unless the repository says http.receivepack=false.
        REMOTE_USER: this.options.credentials?.username ?? "anyone",
        REMOTE_ADDR: "127.0.0.1",
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    const ended = once(backend, "exit").finally(() => this.backends.delete(ended));
    this.backends.add(ended);
    request.pipe(backend.stdin);
    backend.stdin.on("error", () => request.resume());
    response.on("close", () => backend.kill());
    let head: Buffer | null = Buffer.alloc(0);
    backend.stdout.on("data", (chunk: Buffer) => {
      if (head === null) {
        if (!response.write(chunk)) {
          backend.stdout.pause();
          response.once("drain", () => backend.stdout.resume());
        }
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const lines = head.subarray(0, end).toString("latin1").split("\r\n");
      const headers = lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]);
      const status = headers.find(([name]) => name.toLowerCase() === "status")?.[1];
      response.writeHead(Number.parseInt(status ?? "200", 10), Object.fromEntries(headers));
      response.write(head.subarray(end + 4));
      head = null;
    });
    backend.stdout.on("end", () => response.end());
  }
}

/** A bare repository of the server, changed from the inside. */
export class ServerRepository {
  constructor(readonly dir: string) {
    mkdirSync(dir, { recursive: true });
    this.git(["init", "--quiet", "--bare", "--initial-branch=main"]);
  }

  /** Runs git here and gives what it says, trimmed. */
  git(args: string[], input: string | Buffer = "", env: Record<string, string> = {}): string {
    return execFileSync("git", args, {
      cwd: this.dir,
      input,
      env: { ...BASE_ENV, NODE_ENV: "test", ...env },
      stdio: ["pipe", "pipe", "pipe"],
      maxBuffer: 256 * 1024 * 1024,
    })
      .toString("utf8")
      .trim();
  }

  /** Stores content and gives its id. */
  blob(content: string | Buffer): string {
    return this.git(["hash-object", "-w", "--stdin"], content);
  }

  /** The commit that a branch names. */
  tip(branch = "main"): string {
    return this.git(["rev-parse", `refs/heads/${branch}`]);
  }

  /** Commits files on top of a branch, which is made when it is not there. */
  commit(files: Files, options: { branch?: string; message?: string } = {}): string {
    const entries = Object.entries(files).map(([path, content]) =>
      content === null ? `0 ${"0".repeat(40)}\t${path}\0` : `100644 ${this.blob(content)}\t${path}\0`,
    );
    return this.commitEntries(entries.join(""), options);
  }

  /** As `commit`, with lines as `update-index -z --index-info` takes them: links, submodules, any bytes as a name. */
  commitEntries(entries: string | Buffer, options: { branch?: string; message?: string } = {}): string {
    const { branch = "main", message = "Upstream work" } = options;
    const env = { GIT_INDEX_FILE: join(this.dir, "index.test") };
    rmSync(env.GIT_INDEX_FILE, { force: true });
    const parent = this.git(["for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`]);
    if (parent) this.git(["read-tree", parent], "", env);
    this.git(["update-index", "-z", "--index-info"], entries, env);
    const tree = this.git(["write-tree"], "", env);
    const commit = this.git(["commit-tree", tree, "-m", message, ...(parent ? ["-p", parent] : [])]);
    this.git(["update-ref", `refs/heads/${branch}`, commit]);
    return commit;
  }

  /** Installs a hook, such as pre-receive. */
  hook(name: string, script: string): void {
    const file = join(this.dir, "hooks", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
}
