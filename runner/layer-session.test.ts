// A session and its dependencies: every sandbox of a lease has them, and so has the lease after it.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ProtocolServer, SNAPSHOT, shell } from "@/tests/support/protocol-server";
import { Layers } from "./layers";
import type { LayerSpec } from "./protocol";
import { createBubblewrapDriver } from "./sandbox/bubblewrap";
import type { SandboxDriver } from "./sandbox/port";
import { ServerClient } from "./server-client";
import { runSlot } from "./worker-loop";

let stateDir: string;
let driver: SandboxDriver;
let server: ProtocolServer;
let stop: AbortController;
let ended: Promise<unknown>;
let caches = 0;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "fabrica-layer-"));
  chmodSync(stateDir, 0o755);
  driver = await createBubblewrapDriver({ stateDir, toolchainDir: null });
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
    driver: "bubblewrap" as const,
    probe: [],
    programs: {},
  };
  const answer = await client.register("registration", request, { signal: stop.signal, onFailure: () => {} });
  const [worker] = answer.workers;
  if (!worker) throw new Error("no worker");
  const log = () => {};
  const layers = Layers.open({
    dir: join(stateDir, `layers-${caches++}`),
    maxBytes: 1e8,
    platform: "test",
    log,
  });
  const slot = { client: client.worker(worker.worker_id, worker.token), driver, layers, log };
  ended = runSlot({ ...slot, heartbeatMs: 100, leaseMs: 5_000 }, stop.signal).catch(
    (error: unknown) => error,
  );
});
afterEach(async () => {
  stop.abort();
  await ended;
  await server.stop();
});

const INSTALL =
  "mkdir -p node_modules tools; echo installed > node_modules/a; printf '#!/bin/sh\\necho tool $WORD' > tools/tool; chmod +x tools/tool";
function layer(script = INSTALL, name = "a".repeat(64)): LayerSpec {
  const install = shell(script, { live: true });
  if (install.kind !== "exec") throw new Error("no program");
  return {
    kind: "layer",
    find: [name],
    keep: name,
    install,
    timeout_ms: 10_000,
    env: { WORD: "said" },
    path: ["tools"],
  };
}

/** A job whose tree ignores what is installed. */
async function offerProject(): Promise<void> {
  const job = server.offer();
  await server.run(shell("printf 'node_modules\\ntools\\n' > .gitignore; echo source > source.txt"));
  await server.run(SNAPSHOT);
  job.over = true;
}

describe("a session with dependencies", () => {
  it("has them in every sandbox of its lease, with their variables, and never in a snapshot", async () => {
    await offerProject();
    server.offer();
    const { result, chunks } = await server.run(
      layer(`echo begins; ${INSTALL}; mkdir a.egg-info; echo egg > a.egg-info/egg`),
    );
    expect(result).toMatchObject({ exit_code: 0, failure: null, layer: { cached: false, not_kept: null } });
    expect(chunks.map(({ text }) => text).join("")).toBe("begins\n");
    const look = shell("cat node_modules/a source.txt a.egg-info/egg; tool");
    expect((await server.run(look)).result.stdout).toBe("installed\nsource\negg\ntool said\n");
    await server.run(shell("rm -r node_modules; echo broken > tools/tool; echo more > more.txt"));
    expect((await server.run(SNAPSHOT)).result.snapshot).not.toBeNull();
    expect(server.files()).toEqual(["100644 .gitignore", "100644 more.txt", "100644 source.txt"]);
    expect((await server.run({ kind: "reset", timeout_ms: 10_000 })).result.failure).toBeNull();
    expect((await server.run(look)).result.stdout).toBe("installed\nsource\negg\ntool said\n");
  });

  it("hands them to the next lease, whose worker was told of them with the claim", async () => {
    await offerProject();
    const first = server.offer();
    await server.run(layer());
    first.over = true;
    server.offer({ layer: layer("echo never run; exit 1") });
    expect((await server.run(shell("cat node_modules/a; tool"))).result.stdout).toBe(
      "installed\ntool said\n",
    );
  });

  it("gives the job back when they cannot be had any more", async () => {
    await offerProject();
    server.offer({ layer: layer("echo the registry is away; exit 1", "b".repeat(64)) });
    server.post(shell("true"));
    await expect.poll(() => server.failures.length, { timeout: 10_000 }).toBe(1);
    expect(server.failures[0]).toMatchObject({
      code: "sandbox",
      message: expect.stringContaining("registry is away"),
    });
  });

  it("is left with a whole sandbox without them after an installation that failed", async () => {
    await offerProject();
    server.offer();
    const { result } = await server.run(layer("mkdir node_modules; echo half > node_modules/a; exit 7"));
    expect(result).toMatchObject({ exit_code: 7, layer: { cached: false } });
    expect((await server.run(shell("ls; cat source.txt"))).result.stdout).toBe("source.txt\nsource\n");
  });

  it("sees a workspace that the app got after the claim", async () => {
    await offerProject();
    server.offer({ has_workspace: false });
    expect((await server.run(shell("ls"))).result.stdout).toBe("");
    await server.run(layer());
    expect((await server.run(shell("ls"))).result.stdout).toBe("node_modules\nsource.txt\ntools\n");
  });
});
