import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProtocolServer, until } from "@/tests/support/protocol-server";
import { ServerClient, ServerRefusal, type WorkerClient } from "./server-client";

const REQUEST = { protocol: 1, name: "test", slots: 1, driver: "docker" as const, probe: [], programs: {} };
const LEASE = { job_id: "job", fence: 1 };

let server: ProtocolServer;
let client: ServerClient;
let stop: AbortController;

beforeEach(async () => {
  server = await new ProtocolServer().start();
  client = new ServerClient(server.url);
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await server.stop();
});

async function worker(): Promise<WorkerClient> {
  const options = { signal: stop.signal, onFailure: () => {} };
  const { workers } = await client.register("registration", REQUEST, options);
  return client.worker(workers[0]?.worker_id ?? "", workers[0]?.token ?? "");
}

describe("the client of the app", () => {
  it.each([
    [401, "token"],
    [404, "not_found"],
    [409, "stale"],
    [410, "over"],
    [413, "too_large"],
    [426, "version"],
    [400, "refused"],
  ] as const)("does not repeat what was refused with %i", async (status, kind) => {
    const calls = await worker();
    server.faults.push({ path: "/claim", status });
    const error = await calls.claim(0, stop.signal).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ServerRefusal);
    expect(error).toMatchObject({
      kind,
      status,
      code: `status_${status}`,
      message: `Refused with ${status}.`,
    });
    expect(server.seen.filter((line) => line.endsWith("/claim"))).toHaveLength(1);
  });

  it.each([429, 500, 502, 503])("repeats what failed with %i", async (status) => {
    const calls = await worker();
    server.faults.push({ path: "/heartbeat", status }, { path: "/heartbeat", status });
    expect(await calls.heartbeat({ lease: null }, stop.signal)).toEqual({ action: "none" });
    expect(server.seen.filter((line) => line.endsWith("/heartbeat"))).toHaveLength(3);
  });

  it("repeats while nobody listens, until it is told to stop", async () => {
    const calls = await worker();
    await server.stop();
    const reasons: string[] = [];
    const registering = client.register("registration", REQUEST, {
      signal: stop.signal,
      onFailure: (reason) => reasons.push(reason),
    });
    registering.catch(() => {});
    const claiming = calls.claim(0, stop.signal);
    claiming.catch(() => {});
    await until(() => reasons.length >= 3);
    expect(reasons[0]).toBe("ECONNREFUSED");
    stop.abort(new Error("enough"));
    await expect(registering).rejects.toThrow();
    await expect(claiming).rejects.toThrow();
  });

  it("gives null for no job and no workspace", async () => {
    const calls = await worker();
    expect(await calls.claim(0, stop.signal)).toBeNull();
    expect(await calls.downloadBundle(LEASE, stop.signal)).toBeNull();
  });

  it("carries the lease with every call about a job", async () => {
    const calls = await worker();
    const job = server.offer({ fence: 3 });
    const claim = await calls.claim(1_000, stop.signal);
    expect(claim).toMatchObject({ job_id: job.claim.job_id, fence: 3, has_workspace: false });
    const key = { job_id: job.claim.job_id, fence: 3 };
    expect(await calls.commands(key, [], 0, stop.signal)).toEqual([]);
    await expect(calls.commands({ ...key, fence: 2 }, [], 0, stop.signal)).rejects.toMatchObject({
      kind: "stale",
    });
    await calls.fail(key, "sandbox", "x".repeat(5_000), stop.signal);
    expect(server.failures).toMatchObject([{ job_id: job.claim.job_id, fence: 3, code: "sandbox" }]);
    await expect(calls.commands(key, [], 0, stop.signal)).rejects.toMatchObject({ kind: "over" });
  });

  it("takes an answer that does not follow the protocol for another version", async () => {
    const calls = await worker();
    server.offer({ fence: -1 });
    await expect(calls.claim(1_000, stop.signal)).rejects.toMatchObject({ kind: "version" });
  });
});
