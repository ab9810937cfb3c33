import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { Listener, PAYLOAD_END } from "./listen";

const CHANNEL = "fabrica_test";
let database: TestDatabase;
let client: pg.Client;
const listeners: Listener[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  for (const listener of listeners) await listener.close();
  await client.end();
  await database.drop();
});

async function listening() {
  const listener = new Listener(database.url);
  listeners.push(listener);
  const heard: string[] = [];
  await listener.subscribe(CHANNEL, { notify: (payload) => heard.push(payload), resumed: () => undefined });
  return { listener, heard };
}

const notify = (payload: string) => client.query("SELECT pg_notify($1, $2)", [CHANNEL, payload]);

test("what a process tells itself it hears at once, the others hear it from the database, each of them once", async () => {
  const here = await listening();
  const there = await listening();
  const marked = here.listener.tell(CHANNEL, "1:2:3");
  expect(here.heard).toEqual(["1:2:3"]);
  expect(there.heard).toEqual([]);
  await notify(marked);
  // Notifications keep their order: what came before this one has been heard by now.
  await notify("last");
  await vi.waitUntil(() => here.heard.includes("last") && there.heard.includes("last"), { timeout: 10_000 });
  expect(here.heard).toEqual(["1:2:3", "last"]);
  expect(there.heard).toEqual(["1:2:3", "last"]);
});

test("several payloads in one notification are heard one by one, those of the process itself left out", async () => {
  const here = await listening();
  const there = await listening();
  const [first, second] = ["1:2:3", "4:5:6"].map((payload) => here.listener.tell(CHANNEL, payload));
  await notify([first, "7:8:9", second].join(PAYLOAD_END));
  await notify("last");
  await vi.waitUntil(() => here.heard.includes("last") && there.heard.includes("last"), { timeout: 10_000 });
  expect(here.heard).toEqual(["1:2:3", "4:5:6", "7:8:9", "last"]);
  expect(there.heard).toEqual(["1:2:3", "7:8:9", "4:5:6", "last"]);
});
