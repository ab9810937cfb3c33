// The bad-input list of the API and of sign-in: each row is refused with a code and a sentence, and changes nothing.
import { createHmac, generateKeyPairSync, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { encode } from "next-auth/jwt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleSetup } from "@/server/api/http/setup";
import { handleTrpc } from "@/server/api/http/trpc";
import { sessionSecret } from "@/server/api/resolve-actor";
import { ERROR_STATUS, type ErrorCode } from "@/server/domain/errors";
import { deriveKey } from "@/server/services/auth/keys";
import {
  addPerson,
  type Call,
  type Factory,
  makeRequest,
  PASSWORD,
  type Person,
  read,
  startFactory,
} from "./support";

let factory: Factory;
let ana: Person;
let zoe: Person;
let mine: string;
let theirs: string;

beforeAll(async () => {
  factory = await startFactory({ FABRICA_SETUP_TOKEN: "the setup token of this start" });
  ana = await addPerson(factory.db, "ana", "north", "admin");
  zoe = await addPerson(factory.db, "zoe", "south", "admin");
  mine = await fileJob(ana);
  theirs = await fileJob(zoe);
});
afterAll(() => factory.close());

async function send(method: string, path: string, call: Call = {}) {
  const request = makeRequest(method, path, call);
  const handle = path.startsWith("/api/trpc") ? handleTrpc : path === "/api/setup" ? handleSetup : handleRest;
  return read(await handle(request, factory.db));
}

async function fileJob(person: Person): Promise<string> {
  return (await send("POST", "/api/v1/jobs", { token: person.token, body: { title: "A job" } })).json.job_id;
}

/** Everything that a refused request must not have changed. */
async function fingerprint(): Promise<string> {
  const { db } = factory;
  const parts = await Promise.all([
    db.job.findMany({ orderBy: { id: "asc" } }),
    db.jobEvent.count(),
    db.user.findMany({ orderBy: { id: "asc" } }),
    db.team.count(),
    db.refreshToken.findMany({ orderBy: { id: "asc" } }),
    db.outbox.count(),
  ]);
  return JSON.stringify(parts, (_key, value) => (typeof value === "bigint" ? String(value) : value));
}

async function expectRefused(code: ErrorCode, ask: () => ReturnType<typeof send>) {
  const before = await fingerprint();
  const { status, json, headers } = await ask();
  const error = json.error.json ?? json.error;
  expect({ status, code: error.data?.code ?? error.code }).toEqual({ status: ERROR_STATUS[code], code });
  expect(error.message).toMatch(/^\w.* .*[.!]$/s);
  expect(JSON.stringify(json)).not.toMatch(/\bat .*\.ts:\d+|node_modules|prisma/i);
  expect(headers.get("x-request-id")).toBeTruthy();
  expect(await fingerprint()).toBe(before);
}

const title = "A job";
const post = (call: Call, path = "/api/v1/jobs") => ["POST", path, call] as const;
type Ask = readonly [method: string, path: string, call: Call];

/** Each with ana's good token. */
const API: [name: string, code: ErrorCode, ask: () => Ask][] = [
  ["empty body", "bad_request", () => post({})],
  ["empty body that says it is JSON", "bad_request", () => post({ raw: "" })],
  ["malformed JSON", "bad_request", () => post({ raw: '{"title": "A' })],
  ["JSON with something behind it", "bad_request", () => post({ raw: '{"title":"A"} x' })],
  ["a list instead of an object", "bad_request", () => post({ raw: '[{"title":"A"}]' })],
  ["null instead of an object", "bad_request", () => post({ raw: "null" })],
  ["10 MB", "too_large", () => post({ raw: JSON.stringify({ title, description: "x".repeat(10_000_000) }) })],
  ["10 MB, length not told", "too_large", () => post({ raw: Buffer.alloc(10_000_000, 32) })],
  [
    "depth 10,000",
    "bad_request",
    () => post({ raw: `{"title":${"[".repeat(10_000)}${"]".repeat(10_000)}}` }),
  ],
  ["__proto__", "bad_request", () => post({ raw: '{"title":"A","__proto__":{"role":"admin"}}' })],
  ["__proto__ in escapes", "bad_request", () => post({ raw: '{"title":"A","\\u005f_proto__":{}}' })],
  ["constructor", "bad_request", () => post({ raw: '{"title":"A","constructor":{"prototype":{}}}' })],
  ["duplicate keys", "bad_request", () => post({ raw: '{"title":"A","title":"B"}' })],
  ["duplicate keys in escapes", "bad_request", () => post({ raw: '{"title":"A","t\\u0069tle":"B"}' })],
  ["NUL in text", "bad_request", () => post({ body: { title: "A\u0000B" } })],
  ["lone surrogate", "bad_request", () => post({ raw: '{"title":"A\\ud800"}' })],
  [
    "bytes that are not UTF-8",
    "bad_request",
    () => post({ raw: Buffer.from('{"title":"\xff\xfe"}', "latin1") }),
  ],
  [
    "text/plain",
    "unsupported_media_type",
    () => post({ body: { title }, headers: { "content-type": "text/plain" } }),
  ],
  [
    "a form",
    "unsupported_media_type",
    () => post({ raw: "title=A", headers: { "content-type": "application/x-www-form-urlencoded" } }),
  ],
  [
    "UTF-16",
    "unsupported_media_type",
    () => post({ body: { title }, headers: { "content-type": "application/json; charset=utf-16" } }),
  ],
  ["title missing", "bad_request", () => post({ body: { description: "x" } })],
  ["title of 201 characters", "bad_request", () => post({ body: { title: "x".repeat(201) } })],
  ["title of two lines", "bad_request", () => post({ body: { title: "a\nb" } })],
  ["title of spaces", "bad_request", () => post({ body: { title: "   " } })],
  ["title as a number", "bad_request", () => post({ body: { title: 5 } })],
  ["number as text", "bad_request", () => post({ body: { title, max_fixes: "5" } })],
  ["NaN", "bad_request", () => post({ raw: '{"title":"A","budget_usd":NaN}' })],
  ["1e999", "bad_request", () => post({ raw: '{"title":"A","budget_usd":1e999}' })],
  ["budget below zero", "bad_request", () => post({ body: { title, budget_usd: -1 } })],
  ["budget of zero", "bad_request", () => post({ body: { title, budget_usd: 0 } })],
  ["unknown field ownerId", "bad_request", () => post({ body: { title, ownerId: 1 } })],
  ["unknown field role", "bad_request", () => post({ body: { title, role: "admin" } })],
  ["unknown field team_id", "bad_request", () => post({ body: { title, team_id: "1" } })],
  ["unknown technology", "bad_request", () => post({ body: { title, tech_stack: "python,cobol" } })],
  ["priority outside the list", "bad_request", () => post({ body: { title, priority: "urgent" } })],
  ["priority 0", "bad_request", () => post({ body: { title, priority: 0 } })],
  ["priority 6", "bad_request", () => post({ body: { title, priority: 6 } })],
  ["a file outside the project", "bad_request", () => post({ body: { title, files: ["../etc/passwd"] } })],
  ["a file in .git", "bad_request", () => post({ body: { title, files: ["a/.git/hooks/x"] } })],
  [
    "a source that is no address",
    "bad_request",
    () => post({ body: { title, source_url: "not an address" } }),
  ],
  [
    "dependency on something that is no job",
    "bad_request",
    () => post({ body: { title, depends_on: ["itself"] } }),
  ],
  [
    "dependency on a missing job",
    "bad_request",
    () => post({ body: { title, depends_on: ["JOB-20200101000000-0000"] } }),
  ],
  ["dependency on another team's job", "bad_request", () => post({ body: { title, depends_on: [theirs] } })],
  [
    "Idempotency-Key with a space",
    "bad_request",
    () => post({ body: { title }, headers: { "idempotency-key": "a b" } }),
  ],
  [
    "Idempotency-Key of 201 characters",
    "bad_request",
    () => post({ body: { title }, headers: { "idempotency-key": "k".repeat(201) } }),
  ],
  ["limit -1", "bad_request", () => ["GET", "/api/v1/jobs?limit=-1", {}]],
  ["limit 1e9", "bad_request", () => ["GET", "/api/v1/jobs?limit=1e9", {}]],
  ["limit NaN", "bad_request", () => ["GET", "/api/v1/jobs?limit=NaN", {}]],
  ["limit twice", "bad_request", () => ["GET", "/api/v1/jobs?limit=1&limit=2", {}]],
  ["unknown parameter", "bad_request", () => ["GET", "/api/v1/jobs?team=2", {}]],
  ["unknown state", "bad_request", () => ["GET", "/api/v1/jobs?state=blocked", {}]],
  ["cursor of another kind", "bad_request", () => ["GET", "/api/v1/jobs?cursor=abc", {}]],
  ["cursor over 2^63", "bad_request", () => ["GET", "/api/v1/jobs?cursor=9999999999999999999", {}]],
  ["NUL in a search", "bad_request", () => ["GET", "/api/v1/jobs?search=%00", {}]],
  ["after 2^53", "bad_request", () => ["GET", `/api/v1/jobs/${mine}/log?after=9007199254740992`, {}]],
  ["id 2^53", "bad_request", () => ["GET", "/api/v1/jobs/9007199254740992", {}]],
  ["id NaN", "bad_request", () => ["GET", "/api/v1/jobs/NaN", {}]],
  ["id with a path in it", "bad_request", () => ["GET", "/api/v1/jobs/..%2f..%2fetc", {}]],
  ["bad percent encoding", "bad_request", () => ["GET", "/api/v1/jobs/%E0%A4", {}]],
  [
    "id in body and address",
    "bad_request",
    () => post({ body: { id: theirs, priority: 1 } }, `/api/v1/jobs/${mine}/priority`),
  ],
  ["file with NUL", "bad_request", () => ["GET", `/api/v1/jobs/${mine}/file?path=a%00b`, {}]],
  [
    "file that is not there",
    "not_found",
    () => ["GET", `/api/v1/jobs/${mine}/file?path=..%2f..%2fetc%2fpasswd`, {}],
  ],
  ["unknown address", "not_found", () => ["GET", "/api/v1/nothing/here", {}]],
  ["no address", "not_found", () => ["GET", "/api/v1", {}]],
  ["wrong method", "method_not_allowed", () => ["PUT", "/api/v1/jobs", { body: {} }]],
  ["wrong method on a job", "method_not_allowed", () => ["PATCH", `/api/v1/jobs/${mine}`, { body: {} }]],
  ["a missing job", "not_found", () => ["GET", "/api/v1/jobs/JOB-20200101000000-0000", {}]],
  [
    "pausing a cancelled job's neighbour that is missing",
    "not_found",
    () => post({}, "/api/v1/jobs/JOB-20200101000000-0000/pause"),
  ],
  ["resuming a job that is not paused", "conflict", () => post({}, `/api/v1/jobs/${mine}/resume`)],
  ["retrying a job that waits", "conflict", () => post({}, `/api/v1/jobs/${mine}/retry`)],
  ["a worker that is not there", "not_found", () => ["GET", "/api/v1/workers/worker-0000", {}]],
  ["a worker id of another kind", "bad_request", () => ["GET", "/api/v1/workers/1%20OR%201=1", {}]],
  [
    "a tRPC batch of 1,000",
    "bad_request",
    () => ["GET", `/api/trpc/${Array(1_000).fill("jobs.list").join(",")}?batch=1`, {}],
  ],
  ["tRPC: malformed JSON", "bad_request", () => post({ raw: "{" }, "/api/trpc/jobs.create")],
  [
    "tRPC: __proto__",
    "bad_request",
    () => post({ raw: '{"json":{"__proto__":{}}}' }, "/api/trpc/jobs.create"),
  ],
  [
    "tRPC: duplicate keys",
    "bad_request",
    () => post({ raw: '{"json":{"title":"A","title":"B"}}' }, "/api/trpc/jobs.create"),
  ],
  ["tRPC: 10 MB", "too_large", () => post({ raw: Buffer.alloc(10_000_000, 32) }, "/api/trpc/jobs.create")],
  [
    "tRPC: wrong content type",
    "unsupported_media_type",
    () => post({ body: {}, headers: { "content-type": "text/plain" } }, "/api/trpc/jobs.create"),
  ],
  [
    "tRPC: unknown field",
    "bad_request",
    () => post({ body: { json: { title, ownerId: 1 } } }, "/api/trpc/jobs.create"),
  ],
  ["tRPC: unknown procedure", "not_found", () => ["GET", "/api/trpc/jobs.steal", {}]],
  [
    "tRPC: a change by GET",
    "method_not_allowed",
    () => ["GET", "/api/trpc/auth.logout?input=%7B%22json%22%3A%7B%7D%7D", {}],
  ],
  ["tRPC: broken input in the address", "bad_request", () => ["GET", "/api/trpc/jobs.list?input=%7B", {}]],
];

describe("API", () => {
  test.each(API)("%s: %s", async (_name, code, ask) => {
    const [method, path, call] = ask();
    await expectRefused(code, () => send(method, path, { token: ana.token, ...call }));
  });

  test("the same idempotency key with another body is refused", async () => {
    const headers = { "idempotency-key": "one-and-the-same" };
    const first = await send("POST", "/api/v1/jobs", { token: ana.token, body: { title }, headers });
    const again = await send("POST", "/api/v1/jobs", { token: ana.token, body: { title }, headers });
    expect(again.json.job_id).toBe(first.json.job_id);
    await expectRefused("conflict", () =>
      send("POST", "/api/v1/jobs", { token: ana.token, body: { title: "Another" }, headers }),
    );
    const other = await send("POST", "/api/v1/jobs", {
      token: zoe.token,
      body: { title: "Another" },
      headers,
    });
    expect(other.status).toBe(201);
  });

  test("the same idempotency key 50 times in parallel is one job", async () => {
    const call = { token: ana.token, body: { title: "Once" }, headers: { "idempotency-key": "fifty" } };
    const answers = await Promise.all(Array.from({ length: 50 }, () => send("POST", "/api/v1/jobs", call)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ json }) => json.job_id)).size).toBe(1);
  });

  test("the same source of a team is filed once", async () => {
    const body = { title, source: "github", source_id: "acme/shop#7" };
    expect((await send("POST", "/api/v1/jobs", { token: ana.token, body })).status).toBe(201);
    await expectRefused("conflict", () => send("POST", "/api/v1/jobs", { token: ana.token, body }));
  });

  test("a wrong method names the right ones", async () => {
    const { headers } = await send("PUT", "/api/v1/jobs", { token: ana.token, body: {} });
    expect(headers.get("allow")).toBe("GET, POST");
  });

  test("a field is named in the sentence", async () => {
    const { json } = await send("POST", "/api/v1/jobs", { token: ana.token, body: { title, max_fixes: 99 } });
    expect(json.error.message).toContain("max_fixes");
    const unknown = await send("POST", "/api/v1/jobs", { token: ana.token, body: { title, ownerId: 1 } });
    expect(unknown.json.error.message).toContain("ownerId");
  });
});

const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

/** Claims of a good token of ana. */
const claims = () => ({
  sub: String(ana.id),
  team: String(ana.teamId),
  epoch: 0,
  sid: ana.family,
  iss: "fabrica",
  aud: "fabrica-api",
  iat: now(),
  exp: now() + 600,
});
const signed = (change: object, header: object = {}, key: Uint8Array = deriveKey("access")) =>
  new SignJWT({ ...claims(), ...change }).setProtectedHeader({ alg: "HS256", ...header }).sign(key);

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

function hmacWith(header: object, key: Buffer | string): string {
  const text = `${segment(header)}.${segment(claims())}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

const TOKENS: [name: string, make: () => string | Promise<string>][] = [
  ["alg none", () => `${segment({ alg: "none" })}.${segment(claims())}.`],
  ["alg None", () => `${segment({ alg: "None" })}.${segment(claims())}.`],
  ["signature left out", async () => (await signed({})).split(".").slice(0, 2).join(".")],
  [
    "RS256 with a key of the attacker",
    () => new SignJWT(claims()).setProtectedHeader({ alg: "RS256" }).sign(privateKey),
  ],
  [
    "HS256 with a public key",
    () => hmacWith({ alg: "HS256" }, publicKey.export({ type: "spki", format: "pem" })),
  ],
  ["HS512 with the right key", () => signed({}, { alg: "HS512" })],
  ["another key", () => signed({}, {}, randomBytes(32))],
  ["the key of browser sessions", () => signed({}, {}, deriveKey("session"))],
  ["wrong audience", () => signed({ aud: "fabrica-worker" })],
  ["wrong issuer", () => signed({ iss: "somebody" })],
  ["expired", () => signed({ iat: now() - 2000, exp: now() - 1000 })],
  ["not yet valid", () => signed({ nbf: now() + 1000 })],
  ["no end", () => signed({ exp: undefined })],
  ["hostile kid", () => signed({}, { kid: "../../../../dev/null" }, Buffer.from("x"))],
  ["kid with SQL", () => signed({}, { kid: "' UNION SELECT 'x' --" }, Buffer.alloc(32))],
  ["jku of the attacker", () => signed({}, { jku: "http://192.0.2.9/keys" }, Buffer.alloc(32))],
  [
    "unknown critical header",
    () => `${segment({ alg: "HS256", crit: ["b64"], b64: false })}.${segment(claims())}.AAAA`,
  ],
  ["user that is no number", () => signed({ sub: "1 OR 1=1" })],
  ["user that is not there", () => signed({ sub: "999999" })],
  ["team of somebody else", () => signed({ team: String(zoe.teamId) })],
  ["sign-in of somebody else", () => signed({ sid: zoe.family })],
  ["old epoch", () => signed({ epoch: -1 })],
  ["epoch as text", () => signed({ epoch: "0" })],
  ["percent signs", () => "%E0%A4"],
  ["empty", () => ""],
  ["unknown API token", () => `fab_${randomBytes(32).toString("base64url")}`],
  ["a refresh token", () => ana.refreshToken],
  ["5,000 characters", () => "a".repeat(5_000)],
];

describe("tokens", () => {
  test("a good one made by the same means is accepted", async () => {
    expect((await send("GET", "/api/v1/auth/me", { token: await signed({}) })).status).toBe(200);
  });

  test.each(TOKENS)("%s: 401", async (_name, make) => {
    const token = await make();
    await expectRefused("unauthorized", () => send("GET", `/api/v1/jobs/${mine}`, { token }));
    await expectRefused("unauthorized", () => send("POST", "/api/v1/jobs", { token, body: { title } }));
    await expectRefused("unauthorized", () =>
      send("GET", "/api/trpc/auth.me?input=%7B%22json%22%3A%7B%7D%7D", { token }),
    );
  });

  test("a signed-out token is refused", async () => {
    const out = await addPerson(factory.db, "out", "north", "member");
    expect((await send("POST", "/api/v1/auth/logout", { token: out.token })).status).toBe(200);
    await expectRefused("unauthorized", () => send("GET", "/api/v1/auth/me", { token: out.token }));
    await expectRefused("unauthorized", () =>
      send("POST", "/api/v1/auth/refresh", { body: { refresh_token: out.refreshToken } }),
    );
  });

  test.each(["x-middleware-subrequest", "x-middleware-rewrite", "x-invoke-path", "next-action", "rsc"])(
    "the header %s opens nothing",
    async (name) => {
      const headers = { [name]: "proxy:proxy:proxy:proxy:proxy" };
      await expectRefused("unauthorized", () => send("GET", `/api/v1/jobs/${mine}`, { headers }));
    },
  );

  test("an address that ends in .rsc opens nothing", async () => {
    await expectRefused("unauthorized", () => send("GET", `/api/v1/jobs/${mine}.rsc`));
  });

  test("another team's job does not exist for us", async () => {
    await expectRefused("not_found", () => send("GET", `/api/v1/jobs/${theirs}`, { token: ana.token }));
    await expectRefused("not_found", () => send("DELETE", `/api/v1/jobs/${theirs}`, { token: ana.token }));
  });
});

describe("cookies", () => {
  const cookie = async () => {
    const { sub, team, epoch, sid } = claims();
    const token = await encode({ token: { sub, team, epoch, sid }, secret: sessionSecret() });
    return `a=b; next-auth.session-token=${token}`;
  };
  const ask = async (method: string, headers: Record<string, string>) =>
    send(method, "/api/v1/jobs", {
      headers: { cookie: await cookie(), ...headers },
      ...(method === "POST" ? { body: { title } } : {}),
    });

  test("read from anywhere, change only from our own pages", async () => {
    expect((await ask("GET", {})).status).toBe(200);
    expect(
      (await ask("POST", { "sec-fetch-site": "same-origin", origin: "http://fabrica.test" })).status,
    ).toBe(201);
    expect((await ask("POST", { origin: "http://fabrica.test" })).status).toBe(201);
  });

  test.each([
    ["from another site", { origin: "http://evil.test", "sec-fetch-site": "cross-site" }],
    [
      "from a neighbour under the same domain",
      { origin: "http://x.fabrica.test", "sec-fetch-site": "same-site" },
    ],
    ["from another site, old browser", { origin: "http://evil.test" }],
    ["from a sandboxed frame", { origin: "null" }],
    ["from nobody knows where", {}],
  ] as [string, Record<string, string>][])("a change %s is refused", async (_name, headers) => {
    await expectRefused("forbidden", () => ask("POST", headers));
  });

  test("a forged one is nobody", async () => {
    const token = await encode({ token: claims(), secret: "guessed" });
    await expectRefused("unauthorized", () =>
      send("GET", "/api/v1/jobs", { headers: { cookie: `next-auth.session-token=${token}` } }),
    );
  });
});

describe("sign-in and set-up", () => {
  const login = (body: unknown, headers: Record<string, string> = {}) =>
    send("POST", "/api/v1/auth/login", { body, headers });

  test.each([
    ["wrong password", "unauthorized", { username: "ana", password: "wrong" }],
    ["unknown user", "unauthorized", { username: "nobody", password: PASSWORD }],
    ["password missing", "bad_request", { username: "zoe" }],
    ["objects", "bad_request", { username: { contains: "" }, password: { not: "" } }],
    ["unknown field", "bad_request", { username: "zoe", password: PASSWORD, role: "admin" }],
    ["NUL", "bad_request", { username: "zoe\u0000", password: PASSWORD }],
    ["wildcard", "unauthorized", { username: "%@%", password: PASSWORD }],
  ] as [string, ErrorCode, unknown][])("%s", async (_name, code, body) => {
    await expectRefused(code, () => login(body));
  });

  test("wrong password and unknown user are told in the same words", async () => {
    const [known, unknown] = [
      await login({ username: "zoe", password: "wrong" }),
      await login({ username: "nobody2", password: "wrong" }),
    ];
    expect(known.json.error.message).toBe(unknown.json.error.message);
  });

  test("the sixth attempt within a minute is refused, whatever X-Forwarded-For says", async () => {
    await addPerson(factory.db, "guessed", "north", "member");
    const statuses = [];
    for (let n = 0; n < 7; n++) {
      const answer = await login(
        { username: "guessed", password: "wrong" },
        { "x-forwarded-for": `198.51.100.${n}` },
      );
      statuses.push(answer.status);
      if (answer.status === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const right = await login({ username: "guessed", password: PASSWORD });
    expect(right.status).toBe(429);
    const elsewhere = await login(
      { username: "guessed", password: PASSWORD },
      { "x-fabrica-peer": "192.0.2.77" },
    );
    expect(elsewhere.status).toBe(200);
  });

  test("a second set-up is refused, as is one without the token", async () => {
    const body = { email: "new@example.test", username: "new", password: "long enough it is" };
    const authorization = "Bearer the setup token of this start";
    await expectRefused("conflict", () => send("POST", "/api/setup", { body, headers: { authorization } }));
    await expectRefused("unauthorized", () => send("POST", "/api/setup", { body }));
    await expectRefused("unauthorized", () =>
      send("POST", "/api/setup", { body, headers: { authorization: "Bearer x" } }),
    );
    await expectRefused("bad_request", () =>
      send("POST", "/api/setup", { body: { ...body, password: "short" }, headers: { authorization } }),
    );
  });
});
