import { afterAll, beforeAll, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleTrpc } from "@/server/api/http/trpc";
import { connect } from "@/server/db";
import { addPerson, type Call, type Factory, makeRequest, read, startFactory } from "./support";

let factory: Factory;

beforeAll(async () => {
  factory = await startFactory({ RATE_LIMIT_REQUESTS: "5", RATE_LIMIT_WINDOW: "60" });
});
afterAll(() => factory.close());

const rest = async (path: string, call: Call = {}, db = factory.db) =>
  read(await handleRest(makeRequest("GET", `/api/v1${path}`, call), db));

test("each token has its own count, told in headers", async () => {
  const ana = await addPerson(factory.db, "ana", "north", "viewer");
  const bea = await addPerson(factory.db, "bea", "north", "viewer");
  for (let left = 4; left >= 0; left--) {
    const { status, headers } = await rest("/auth/me", { token: ana.token });
    expect(status).toBe(200);
    expect(headers.get("ratelimit-limit")).toBe("5");
    expect(headers.get("ratelimit-remaining")).toBe(String(left));
    expect(Number(headers.get("ratelimit-reset"))).toBeGreaterThan(0);
    expect(headers.get("ratelimit-policy")).toBe("5;w=60");
  }
  const over = await rest("/auth/me", { token: ana.token });
  expect(over).toMatchObject({ status: 429, json: { error: { code: "rate_limited" } } });
  expect(over.headers.get("retry-after")).toBe(over.headers.get("ratelimit-reset"));
  expect(over.headers.get("ratelimit-remaining")).toBe("0");
  expect((await rest("/auth/me", { token: bea.token })).status).toBe(200);
  // Both ways in share one count.
  const byTrpc = makeRequest("GET", "/api/trpc/auth.me?input=%7B%22json%22%3A%7B%7D%7D", {
    token: ana.token,
  });
  const { status, json } = await read(await handleTrpc(byTrpc, factory.db));
  expect({ status, code: json.error.json.data.code }).toEqual({ status: 429, code: "rate_limited" });
});

test("counts are shared by processes and forgotten after the window", async () => {
  const cat = await addPerson(factory.db, "cat", "north", "viewer");
  const other = connect(factory.url, 2);
  for (let n = 0; n < 5; n++) await rest("/auth/me", { token: cat.token }, n % 2 ? other : factory.db);
  expect((await rest("/auth/me", { token: cat.token }, other)).status).toBe(429);
  await factory.db.$executeRaw`UPDATE limits.rate_limit SET expire = 1`;
  const fresh = connect(factory.url, 2);
  expect((await rest("/auth/me", { token: cat.token }, fresh)).status).toBe(200);
  await Promise.all([other.$disconnect(), fresh.$disconnect()]);
});

test("without a token the address counts, and neither X-Forwarded-For nor made-up tokens change it", async () => {
  const statuses = [];
  for (let n = 0; n < 8; n++) {
    const headers = { "x-forwarded-for": `198.51.100.${n}`, "x-fabrica-peer": "192.0.2.50" };
    statuses.push((await rest("/auth/me", { headers, token: `made-up-${n}` })).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
  expect((await rest("/auth/me", { headers: { "x-fabrica-peer": "192.0.2.51" } })).status).toBe(401);
});

test("health is never limited", async () => {
  for (let n = 0; n < 12; n++) {
    expect((await rest("/health", { headers: { "x-fabrica-peer": "192.0.2.60" } })).json.status).toBe("ok");
  }
});
