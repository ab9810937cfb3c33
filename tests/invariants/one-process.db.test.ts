// Next bundles the server several times over, and each bundle has a copy of its own of every module. What belongs to the
// process must be the same one in all of them.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Core, startCore } from "../support/settings";

let core: Core;

/** As another bundle has it: the module and all that it imports, loaded once more. */
function copyOf<T>(load: () => Promise<T>): Promise<T> {
  vi.resetModules();
  return load();
}

beforeAll(async () => {
  core = await startCore();
  vi.stubEnv("DATABASE_URL", core.url);
});
afterAll(async () => {
  const { db } = await import("@/server/db");
  const { listener } = await import("@/server/events/listen");
  await listener().close();
  await db().$disconnect();
  vi.unstubAllEnvs();
  await core.close();
});

test("statements of the queue go by the same connections, and a name stands for one of them", async () => {
  const [first, second] = [
    await copyOf(() => import("@/server/db")),
    await copyOf(() => import("@/server/db")),
  ];
  expect(second.runPlanned).not.toBe(first.runPlanned);
  expect(second.db()).toBe(first.db());
  // Only the queue's own connections have this setting.
  const seen = async ({ db, runPlanned }: typeof first, name: string) => {
    const text = `SELECT current_setting('enable_seqscan') AS "${name}", pg_backend_pid() AS pid`;
    return (await runPlanned<Record<string, unknown>>(db(), { text, values: [] }))[0];
  };
  const pid = expect.any(Number);
  expect(await seen(first, "one")).toEqual({ one: "off", pid });
  expect(await seen(second, "two")).toEqual({ two: "off", pid });
  expect(await seen(first, "two")).toEqual({ two: "off", pid });
  expect(await seen(second, "one")).toEqual({ one: "off", pid });
});

test("a worker that waits is seen by whoever files", async () => {
  const waits = await copyOf(() => import("@/server/services/queue/claim-line"));
  const files = await copyOf(() => import("@/server/services/queue/claim-line"));
  const over = new AbortController();
  expect(files.somebodyWaits()).toBe(false);
  const waiting = waits.waitInLine(async () => "nothing" as const, {
    waitMs: 30_000,
    signal: over.signal,
    offers: ["runner"],
  });
  expect(files.somebodyWaits()).toBe(true);
  over.abort();
  expect(await waiting).toBeNull();
  expect(files.somebodyWaits()).toBe(false);
});

test("a secret that one has in hand is taken out of text by all", async () => {
  const { rememberSecret } = await copyOf(() => import("@/server/services/secrets/known-secrets"));
  const { redact } = await copyOf(() => import("@/server/services/redact"));
  rememberSecret("correct horse battery staple");
  expect(redact("it is correct horse battery staple")).not.toContain("horse");
});

test("what was filed is brought to disk by a client without such connections, too", async () => {
  const { bringToDisk } = await import("@/server/services/queue/hurried");
  const position = async () => {
    const [row] = await core.db.$queryRaw<{ at: string }[]>`SELECT pg_current_wal_insert_lsn()::text AS at`;
    return row?.at;
  };
  const before = await position();
  // What a crash has taken back since it was read is not said to be there.
  expect(await bringToDisk(core.db.$extends({}) as unknown as typeof core.db, 404n)).toBe(false);
  expect(await position()).not.toBe(before);
});
