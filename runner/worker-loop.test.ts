import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ProtocolServer, SNAPSHOT, shell, until } from "@/tests/support/protocol-server";
import { createBubblewrapDriver } from "./sandbox/bubblewrap";
import { NoSandboxError, type Sandbox, type SandboxDriver } from "./sandbox/port";
import { ServerClient, ServerRefusal } from "./server-client";
import { runSlot } from "./worker-loop";

let stateDir: string;
let driver: SandboxDriver;
let live: Set<Sandbox>;
let server: ProtocolServer;
let stop: AbortController;
let ended: Promise<unknown>;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "fabrica-slot-"));
  chmodSync(stateDir, 0o755);
  const real = await createBubblewrapDriver({ stateDir, toolchainDir: null });
  live = new Set();
  driver = {
    ...real,
    async create(limits) {
      const sandbox = await real.create(limits);
      live.add(sandbox);
      const destroy = () => sandbox.destroy().finally(() => live.delete(sandbox));
      return { exec: (request) => sandbox.exec(request), destroy };
    },
  };
});
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

beforeEach(async () => {
  server = await new ProtocolServer().start();
  stop = new AbortController();
  const client = new ServerClient(server.url);
  const request = {
    protocol: 1,
    name: "test",
    slots: 1,
    driver: "bubblewrap",
    probe: [],
    programs: {},
  } as const;
  const answer = await client.register(
    "registration",
    { ...request, probe: [] },
    { signal: stop.signal, onFailure: () => {} },
  );
  const [worker] = answer.workers;
  if (!worker) throw new Error("no worker");
  ended = runSlot(
    {
      client: client.worker(worker.worker_id, worker.token),
      driver,
      heartbeatMs: 100,
      leaseMs: 3_000,
      log: () => {},
    },
    stop.signal,
  ).catch((error: unknown) => error);
});
afterEach(async () => {
  stop.abort();
  await ended;
  await server.stop();
});

describe("a worker slot", () => {
  it("runs commands in order and sends live output in numbered chunks", async () => {
    server.offer();
    const first = server.post(shell("for i in 1 2 3; do echo line $i; sleep 0.05; done", { live: true }));
    const second = await server.run(shell("cat; echo error >&2; exit 4", { stdin: "given" }));
    expect(first.result?.stdout).toBe("line 1\nline 2\nline 3\n");
    expect(first.chunks.map((chunk) => chunk.seq)).toEqual(first.chunks.map((_, index) => index));
    expect(first.chunks.map((chunk) => chunk.text).join("")).toBe("line 1\nline 2\nline 3\n");
    expect(second.result).toMatchObject({ exit_code: 4, stdout: "given", stderr: "error\n", failure: null });
    expect(second.chunks).toEqual([]);
  });

  it("saves the workspace and finds it again in a fresh sandbox", async () => {
    const job = server.offer();
    await server.run(
      shell("mkdir -p src && echo one > src/a.txt && printf 'x\\r\\n' > crlf && chmod +x crlf"),
    );
    const { result } = await server.run(SNAPSHOT);
    expect(result.snapshot?.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(server.files()).toEqual(["100755 crlf", "100644 src/a.txt"]);
    await server.run(shell("echo two > src/b.txt; rm crlf"));
    expect((await server.run(SNAPSHOT)).result.failure).toBeNull();
    expect((await server.run({ kind: "reset", timeout_ms: 10_000 })).result.failure).toBeNull();
    expect((await server.run(shell("cat src/*; ls -A"))).result.stdout).toBe("one\ntwo\nsrc\n");
    expect((await server.run(SNAPSHOT)).result.snapshot).not.toBeNull();
    job.over = true;
    server.offer();
    expect((await server.run(shell("ls src"))).result.stdout).toBe("a.txt\nb.txt\n");
    expect(live.size).toBe(1);
  });

  it("is not confused by repositories in the workspace and leaves them where they are", async () => {
    server.offer();
    await server.run(
      shell("git init -q . && git init -q nested && mkdir -p 'deep er' && git -C 'deep er' init -q"),
    );
    await server.run(
      shell("echo a > a; echo b > nested/b; echo c > 'deep er/c'; printf '* text\\n' > .gitattributes"),
    );
    expect((await server.run(SNAPSHOT)).result.failure).toBeNull();
    expect(server.files()).toEqual([
      "100644 .gitattributes",
      "100644 a",
      "100644 deep er/c",
      "100644 nested/b",
    ]);
    const { result } = await server.run(shell("ls -d .git nested/.git 'deep er/.git'; ls -A; rm -rf .git"));
    expect(result.stdout).toContain("deep er/.git\nnested/.git\n");
    expect(result.stdout).not.toContain(".fabrica");
    expect((await server.run(SNAPSHOT)).result.failure).toBeNull();
  });

  it("goes on from the last accepted commit after a refused one", async () => {
    server.offer();
    await server.run(shell("echo 1 > a"));
    await server.run(SNAPSHOT);
    server.refusal = "The file name is not allowed.";
    await server.run(shell("echo 2 > bad"));
    expect((await server.run(SNAPSHOT)).result).toMatchObject({
      failure: "The file name is not allowed.",
      snapshot: null,
    });
    await server.run(shell("rm bad; echo 3 > good"));
    expect((await server.run(SNAPSHOT)).result.failure).toBeNull();
    expect(server.files()).toEqual(["100644 a", "100644 good"]);
  });

  it.each(["cancel", "gone", "stale"] as const)(
    "destroys the sandbox at once when the lease ends: %s",
    async (how) => {
      const job = server.offer();
      await server.run(shell("true"));
      server.post(shell("sleep 60", { timeout_ms: 60_000 }));
      await until(() => live.size === 1);
      if (how === "cancel") job.action = "cancel";
      if (how === "gone") job.over = true;
      if (how === "stale") job.claim.fence = 2;
      await until(() => live.size === 0, 5_000);
      job.over = true;
      server.offer();
      expect((await server.run(shell("echo again"))).result.stdout).toBe("again\n");
    },
  );

  it("repeats what may still succeed and gives up when the server is silent for a whole lease", async () => {
    server.offer();
    for (const path of ["/commands", "/report", "/report", "/claim"])
      server.faults.push({ path, status: 503 });
    const command = await server.run(shell("echo here", { live: true }));
    expect(command.result.stdout).toBe("here\n");
    expect(command.chunks.map((chunk) => chunk.text)).toEqual(["here\n"]);
    expect(server.faults.length).toBeLessThanOrEqual(1);
    server.post(shell("sleep 60", { timeout_ms: 60_000 }));
    await server.stop();
    await until(() => live.size === 0, 10_000);
  });

  it.each(["/report", "/bundle"])("reports why when the app refuses what was sent to %s", async (path) => {
    server.offer();
    await server.run(shell("true"));
    server.faults.push({ path, status: 413 });
    const spec = path === "/bundle" ? SNAPSHOT : shell("echo much", { live: true });
    expect((await server.run(spec)).result.failure).toContain("Refused with 413.");
    expect((await server.run(shell("echo fine"))).result.stdout).toBe("fine\n");
  });

  it("asks for what comes next while a command runs, and runs nothing twice", async () => {
    server.offer();
    const slow = server.post(shell("sleep 2; echo slow >> /work/ran"));
    const asked = () => server.seen.filter((line) => line.endsWith("/commands")).length;
    await until(() => asked() >= 2);
    expect(slow.result).toBeNull();
    const next = await server.run(shell("echo next >> /work/ran; cat /work/ran"));
    expect(next.result.stdout).toBe("slow\nnext\n");
    expect(next.result.sandbox).toBe(1);
    expect(server.reports.flat().filter(({ result }) => result)).toHaveLength(2);
  });

  it("counts the sandboxes of a lease", async () => {
    server.offer();
    expect((await server.run(shell("true"))).result.sandbox).toBe(1);
    await server.run({ kind: "reset", timeout_ms: 10_000 });
    expect((await server.run(shell("true"))).result.sandbox).toBe(2);
  });

  it("answers a request that no sandbox can carry out, and goes on", async () => {
    server.offer();
    expect((await server.run(shell("true", { cwd: "../.." }))).result.failure).toContain("outside of /work");
    expect((await server.run(shell("true", { env: { "A B": "" } }))).result.failure).toContain("cannot name");
    expect((await server.run(shell("echo fine"))).result.stdout).toBe("fine\n");
  });

  it("gives a job back when no sandbox can be made, rests, and goes on", async () => {
    const { create } = driver;
    driver.create = () => Promise.reject(new NoSandboxError("The daemon is away."));
    server.offer();
    await until(() => server.failures.length === 1);
    expect(server.failures[0]).toMatchObject({ code: "sandbox", message: "The daemon is away." });
    driver.create = create;
    server.offer();
    expect((await server.run(shell("echo back"))).result.stdout).toBe("back\n");
  });

  it("runs nothing in a sandbox that could not be filled, and takes nothing that is missing for deleted", async () => {
    server.offer();
    await server.run(shell("echo kept > kept.txt"));
    expect((await server.run(SNAPSHOT)).result.snapshot).not.toBeNull();
    const { create } = driver;
    driver.create = async (limits) => {
      const sandbox = await create(limits);
      const exec = sandbox.exec.bind(sandbox);
      sandbox.exec = (request) =>
        exec(request.argv.join(" ").includes("unbundle") ? { ...request, argv: ["false"] } : request);
      return sandbox;
    };
    const reset = { kind: "reset" as const, timeout_ms: 10_000 };
    expect((await server.run(reset)).result.failure).toContain("could not be restored");
    expect((await server.run(shell("ls"))).result.failure).toContain("could not be restored");
    const { result } = await server.run(SNAPSHOT);
    expect(result.failure).toContain("could not be restored");
    expect(result.snapshot).toBeNull();
    driver.create = create;
    expect((await server.run(shell("cat kept.txt"))).result.stdout).toBe("kept\n");
  });

  it("leaves no sandbox behind that was still being made when its content was refused", async () => {
    server.offer();
    await server.run(shell("true"));
    expect((await server.run(SNAPSHOT)).result.snapshot).not.toBeNull();
    const { create } = driver;
    let proceed = () => {};
    const held = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    let made = false;
    driver.create = async (limits) => {
      await held;
      const sandbox = await create(limits);
      made = true;
      return sandbox;
    };
    const downloads = () => server.seen.filter((line) => /^GET .*\/bundle$/.test(line)).length;
    const before = downloads();
    server.faults.push({ path: "/bundle", status: 404 });
    server.post({ kind: "reset", timeout_ms: 10_000 });
    await until(() => downloads() > before);
    proceed();
    await until(() => made && live.size === 0, 5_000);
    driver.create = create;
  });

  it("ends when the worker is not known any more", async () => {
    server.offer();
    await server.run(shell("true"));
    server.faults.push({ path: "/heartbeat", status: 401 }, { path: "/commands", status: 401 });
    const error = await ended;
    expect(error).toBeInstanceOf(ServerRefusal);
    expect(live.size).toBe(0);
  });

  it("gives the job back when it is stopped", async () => {
    server.offer();
    await server.run(shell("true"));
    stop.abort();
    expect(await ended).toBe("stopped");
    expect(server.failures.map((failure) => failure.code)).toEqual(["runner_stopped"]);
    expect(live.size).toBe(0);
  });
});
