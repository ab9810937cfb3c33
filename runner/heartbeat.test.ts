import { expect, test, vi } from "vitest";
import { beat } from "./heartbeat";
import { Lease } from "./lease";
import type { HeartbeatAnswer } from "./protocol";
import type { WorkerClient } from "./server-client";

const KEY = { job_id: "JOB-1", fence: 1 };

/** A client at the network edge: `answer` says what the app does with each heartbeat. */
function clientOf(answer: (signal: AbortSignal) => Promise<HeartbeatAnswer>): WorkerClient {
  return { heartbeat: (_: unknown, signal: AbortSignal) => answer(signal) } as unknown as WorkerClient;
}
const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
  );
const well = async (): Promise<HeartbeatAnswer> => ({ action: "none" });

test("an answer that was long on its way confirms the lease only from when it was asked for", async () => {
  const lease = new Lease(KEY, 60);
  lease.confirm(performance.now() - 59);
  await vi.waitFor(() => expect(lease.end).toBe("lost"));
});

test("a question that is never answered is given up and asked again", async () => {
  let asked = 0;
  const stop = new AbortController();
  const beating = beat({
    client: clientOf((signal) => (++asked === 1 ? never(signal) : well())),
    lease: null,
    intervalMs: 1,
    signal: stop.signal,
    onAction: () => stop.abort(),
  });
  await beating;
  expect(asked).toBe(2);
});

test("a worker whose rounds are shorter than the pause between heartbeats is heard all the same", async () => {
  let heard = 0;
  const client = clientOf(async () => {
    heard++;
    return well();
  });
  for (let round = 0; round < 12; round++) {
    const over = AbortSignal.timeout(25);
    await beat({ client, lease: null, intervalMs: 60, signal: over, onAction: () => undefined });
    // Until the first heartbeat the registration counts.
    if (round === 0)
      await beat({
        client,
        lease: null,
        intervalMs: 1,
        signal: AbortSignal.timeout(20),
        onAction: () => undefined,
      });
    if (round === 0) heard = 0;
  }
  expect(heard).toBeGreaterThan(0);
});
