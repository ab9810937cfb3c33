// Odd input that once got further than it should: past a cap, into a library's own reading, or to a fault of ours.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleTrpc } from "@/server/api/http/trpc";
import { ERROR_STATUS, type ErrorCode } from "@/server/domain/errors";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { commitFile } from "@/server/workspaces/commit-file";
import { createRepository } from "@/server/workspaces/repository";
import {
  type Answer,
  addPerson,
  type Call,
  type Factory,
  makeRequest,
  type Person,
  read,
  startFactory,
} from "./support";

let factory: Factory;
let ana: Person;
let job: string;

beforeAll(async () => {
  factory = await startFactory();
  ana = await addPerson(factory.db, "ana", "north", "admin");
  job = await fileJob();
  const { id } = await factory.db.job.findUniqueOrThrow({ where: { publicId: job } });
  const repository = jobRepository(job);
  await createRepository(repository);
  const file = { parent: null, path: "README.md", text: "hello\n", message: "m" };
  const headCommit = await commitFile(repository, file);
  await factory.db.job.update({ where: { id }, data: { headCommit } });
  const agentRun = {
    jobId: id,
    run: 1,
    key: "plan",
    role: "planner",
    provider: "simulation",
    model: "sim-1",
  };
  const prompt = { system: "", first: "", tools: [], forceTool: null, maxTurns: 1 };
  await factory.db.agentRun.create({ data: { ...agentRun, prompt } });
});
afterAll(() => factory.close());

const rest = async (method: string, path: string, call: Call = {}) =>
  read(await handleRest(makeRequest(method, `/api/v1${path}`, { token: ana.token, ...call }), factory.db));
const trpc = async (method: string, path: string, call: Call = {}) =>
  read(await handleTrpc(makeRequest(method, `/api/trpc/${path}`, { token: ana.token, ...call }), factory.db));

async function fileJob(input: object = {}): Promise<string> {
  const { status, json } = await rest("POST", "/jobs", { body: { title: "A job", ...input } });
  expect(status).toBe(201);
  return json.job_id;
}

function expectRefused({ status, json }: Answer, code: ErrorCode): void {
  const error = json.error?.json ?? json.error;
  expect({ status, code: error?.data?.code ?? error?.code }).toEqual({ status: ERROR_STATUS[code], code });
  expect(error.message).toMatch(/^\S.* .*[.!]$/s);
  expect(JSON.stringify(json)).not.toMatch(/\bat .*\.ts:\d+|node_modules|prisma|BigInt|undefined|RegExp/i);
}

describe("a batch", () => {
  const inputs = (calls: number) =>
    encodeURIComponent(
      JSON.stringify(Object.fromEntries(Array.from({ length: calls }, (_, n) => [n, { json: {} }]))),
    );

  test.each(["%2C", "%2c"])("is counted however its commas are written: %s", async (comma) => {
    const names = Array(1_000).fill("auth.me").join(comma);
    expectRefused(await trpc("GET", `${names}?batch=1&input=%7B%7D`), "bad_request");
    const fair = Array(3).fill("auth.me").join(comma);
    const { status, headers, json } = await trpc("GET", `${fair}?batch=1&input=${inputs(3)}`);
    expect([status, json.length]).toEqual([200, 3]);
    const left = Number(headers.get("ratelimit-remaining"));
    const after = await trpc("GET", `auth.me?input=${encodeURIComponent('{"json":{}}')}`);
    expect(Number(after.headers.get("ratelimit-remaining"))).toBe(left - 1);
    const before = await trpc("GET", `${fair}?batch=1&input=${inputs(3)}`);
    expect(Number(before.headers.get("ratelimit-remaining"))).toBe(left - 4);
  });

  test("with a broken name is refused in words", async () => {
    expectRefused(await trpc("GET", "%E0%A4?input=%7B%7D"), "bad_request");
  });

  test("whose input is no object is refused in words", async () => {
    for (const raw of ["[]", "1", "null", '"x"', '{"0":1}', '{"0":null}', '{"0":{"json":[]}}'])
      expectRefused(await trpc("POST", "jobs.create?batch=1", { raw }).then(first), "bad_request");
  });

  /** The answer of the first call, where each has its own. */
  const first = (answer: Answer): Answer => ({
    ...answer,
    json: Array.isArray(answer.json) ? answer.json[0] : answer.json,
  });
});

describe("what describes the input beside it", () => {
  const VALUES: [name: string, json: unknown, values: unknown][] = [
    [
      "a list of bytes as long as the memory",
      { title: 2 ** 33 },
      { title: [["typed-array", "Float64Array"]] },
    ],
    ["a pattern", { title: "/(a+)+$/" }, { title: ["regexp"] }],
    ["a broken pattern", { title: "/(/" }, { title: ["regexp"] }],
    ["a large number", { title: "x" }, { title: ["bigint"] }],
    ["an address", { title: "x" }, { title: ["URL"] }],
    ["an error", { title: null }, { title: ["Error"] }],
    ["a set", { title: 5 }, { title: ["set"] }],
    ["a class", { title: {} }, { title: [["class", "Job"]] }],
    ["a symbol", { title: {} }, { title: [["symbol", "x"]] }],
    ["a kind that is not there", { title: "x" }, { title: ["nothing"] }],
    ["a date", { title: "2026-01-01" }, { title: ["Date"] }],
    ["the prototype", { title: "x" }, { "constructor.prototype.polluted": ["undefined"] }],
    ["no tree", { title: "x" }, "title"],
    ["a tree of numbers", { title: "x" }, { title: [1] }],
    ["nothing", { title: "x" }, null],
  ];

  test.each(VALUES)("cannot make %s of it", async (_name, json, values) => {
    const before = await factory.db.job.count();
    expectRefused(await trpc("POST", "jobs.create", { body: { json, meta: { values } } }), "bad_request");
    const input = encodeURIComponent(JSON.stringify({ json: { search: "x" }, meta: { values } }));
    expectRefused(await trpc("GET", `jobs.list?input=${input}`), "bad_request");
    expect(await factory.db.job.count()).toBe(before);
  });

  test.each([
    ["one field", { title: ["undefined"] }, { title: null }],
    ["the whole", ["undefined"], null],
  ])("may say that %s is left out", async (_name, values, json) => {
    const { status, json: answer } = await trpc("POST", "jobs.create", { body: { json, meta: { values } } });
    expect([status, answer.error.json.data.code]).toEqual([400, "bad_request"]);
    const body = { json: { title: "A job", context: null }, meta: { values: { context: ["undefined"] } } };
    expect((await trpc("POST", "jobs.create", { body })).status).toBe(200);
    const twice = { json: { title: "A job" }, meta: { referentialEqualities: { title: ["type"] }, v: 1 } };
    expect((await trpc("POST", "jobs.create", { body: twice })).status).toBe(200);
  });
});

describe("another kind of body", () => {
  test.each([
    ["multipart/form-data", ""],
    ["multipart/form-data; boundary=x", ""],
    ["application/octet-stream", ""],
    ["text/plain", ""],
    [
      "multipart/form-data; boundary=x",
      '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nA\r\n--x--',
    ],
    ["application/octet-stream", "{}"],
  ])("%s with %j is refused", async (type, raw) => {
    const call = { raw, headers: { "content-type": type } };
    expectRefused(await trpc("POST", "jobs.create", call), "unsupported_media_type");
    expectRefused(await trpc("POST", "auth.logout", call), "unsupported_media_type");
    expect((await rest("GET", "/auth/me")).status).toBe(200);
  });
});

describe("a number that no column holds", () => {
  test.each([
    "costs/calls?cursor=9999999999999999999",
    "costs/calls?cursor=9223372036854775808",
    "agent-runs?cursor=9007199254740991",
    "agent-runs/plan/turns?cursor=9007199254740991",
    "agent-runs/plan/turns?cursor=2147483648",
    "messages?after=999999999999999999",
  ])("%s is answered without a fault", async (path) => {
    expect([200, 400]).toContain((await rest("GET", `/jobs/${job}/${path}`)).status);
  });

  test.each([
    "to=0000-01-10",
    "from=0000-01-01&to=0000-01-10",
    "from=0000-01-01",
    "to=0001-01-01",
    "from=9999-12-31",
  ])("nor do costs of %s", async (query) => {
    expect([200, 400]).toContain((await rest("GET", `/costs?${query}`)).status);
  });
});

test.each([
  "../x",
  "../../etc/passwd",
  "/etc/passwd",
  "/",
  ".",
  "..",
  "a/../../b",
  "-",
  ":(glob)**",
  "\\",
  ":/",
  "a//b",
])("what changed at %s is nothing", async (path) => {
  const { status, json } = await rest("GET", `/jobs/${job}/diff?path=${encodeURIComponent(path)}`);
  expect([status, json?.text]).toEqual([200, ""]);
});

test.each([
  "javascript:alert(1)",
  "data:text/html,x",
  "file:///etc/passwd",
  "vbscript:x",
  "ftp://example.test/",
])("a job does not come from %s", async (source_url) => {
  expectRefused(await rest("POST", "/jobs", { body: { title: "A job", source_url } }), "bad_request");
});

test("a ladder of dependencies is looked through once, not along each of its ways", async () => {
  // 2 to the power of 30 ways lead from its top to its foot.
  let step = [await fileJob(), await fileJob()];
  const foot = step[0] as string;
  for (let n = 0; n < 30; n++)
    step = await Promise.all([fileJob({ depends_on: step }), fileJob({ depends_on: step })]);
  const top = await fileJob();
  const set = (id: string, depends_on: string[]) =>
    rest("POST", `/jobs/${id}/dependencies`, { body: { depends_on } });
  expect((await set(top, step)).status).toBe(200);
  const circle = await set(foot, [top]);
  expectRefused(circle, "conflict");
  const named = circle.json.error.message.match(/JOB-[\w-]+/g);
  expect(named).toHaveLength(33);
  expect([named[0], named[1], named.at(-1)]).toEqual([foot, top, foot]);
});
