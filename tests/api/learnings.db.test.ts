// Learnings over the API: what is kept, found and answered, what is refused; one team's are nobody else's business.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { ERROR_STATUS, type ErrorCode } from "@/server/domain/errors";
import { addPerson, type Call, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
let ana: Person;
let vera: Person;
let zoe: Person;

beforeAll(async () => {
  factory = await startFactory();
  ana = await addPerson(factory.db, "ana", "north", "member");
  vera = await addPerson(factory.db, "vera", "north", "viewer");
  zoe = await addPerson(factory.db, "zoe", "south", "admin");
  await factory.db.project.create({
    data: { teamId: ana.teamId, name: "shop", repositoryUrl: "https://git.example.test/shop" },
  });
});
beforeEach(async () => {
  await factory.db.learning.deleteMany();
});
afterAll(() => factory.close());

async function send(method: string, path: string, call: Call = {}) {
  return read(
    await handleRest(makeRequest(method, `/api/v1${path}`, { token: ana.token, ...call }), factory.db),
  );
}
const PORTS = { kind: "gotcha", title: "Ports", text: "Port 0 chooses a free one." };
const create = (body: object = {}, call: Call = {}) =>
  send("POST", "/learnings", { body: { ...PORTS, ...body }, ...call });
const titles = ({ json }: Awaited<ReturnType<typeof send>>) =>
  json.learnings.map((learning: { title: string }) => learning.title);
const count = () => factory.db.learning.count({ where: { deletedAt: null } });

async function expectRefused(code: ErrorCode, asking: ReturnType<typeof send>, words?: string) {
  const { status, json } = await asking;
  expect({ status, code: json.error?.code }).toEqual({ status: ERROR_STATUS[code], code });
  expect(json.error.message).toMatch(/^[\w"].* .*[.!]$/s);
  if (words !== undefined) expect(json.error.message).toContain(words);
}

describe("a learning", () => {
  test("is kept as it was sent, with what is known of it", async () => {
    const sent = { project: "shop", stack: ["node"], files: ["src/a.ts"], pinned: true };
    const { status, json } = await create(sent);
    expect(status).toBe(201);
    expect(json).toEqual({
      ...PORTS,
      ...sent,
      id: expect.stringMatching(/^\d+$/),
      origin: "person",
      job: null,
      score: 0,
      uses: 0,
      found: 1,
      created_at: expect.any(String),
      edited_at: null,
      found_at: expect.any(String),
    });
    expect((await send("GET", `/learnings/${json.id}`)).json).toEqual(json);
    expect((await send("GET", "/learnings")).json).toEqual({ learnings: [json], next_cursor: null });
  });

  test("that is there already is answered, as found once more", async () => {
    const first = await create();
    const again = await create({ title: "PORTS" });
    expect(again.json).toMatchObject({ id: first.json.id, title: "Ports", found: 2 });
    expect(await count()).toBe(1);
  });

  test("is edited in part, pinned, unpinned and deleted", async () => {
    const { id } = (await create()).json;
    const at = `/learnings/${id}`;
    expect((await send("POST", at, { body: { title: "Free ports", project: "shop" } })).json).toMatchObject({
      title: "Free ports",
      text: PORTS.text,
      project: "shop",
      edited_at: expect.any(String),
    });
    expect((await send("POST", at, { body: { project: null } })).json).toMatchObject({ project: null });
    expect((await send("POST", `${at}/pin`)).json.pinned).toBe(true);
    expect((await send("POST", `${at}/unpin`)).json.pinned).toBe(false);
    expect((await send("DELETE", at)).json).toEqual({ deleted: true });
    for (const asking of [
      send("GET", at),
      send("DELETE", at),
      send("POST", `${at}/pin`),
      send("POST", at, { body: {} }),
    ])
      await expectRefused("not_found", asking, `There is no learning ${id}`);
    expect(titles(await send("GET", "/learnings"))).toEqual([]);
    expect(titles(await send("GET", "/learnings/search?q=ports"))).toEqual([]);
  });

  test("cannot be made to say what another one says", async () => {
    await create();
    const { id } = (await create({ title: "Other" })).json;
    await expectRefused("conflict", send("POST", `/learnings/${id}`, { body: { title: "ports!" } }));
  });

  test("has no secret in it", async () => {
    const secret = `ghp_${"a1B2".repeat(9)}`;
    const { json } = await create({
      title: `Use ${secret}`,
      text: `${"x".repeat(3_980)} ${secret}`.slice(0, 4_000),
    });
    expect(json.title).toBe("Use [redacted]");
    const edited = await send("POST", `/learnings/${json.id}`, { body: { text: `It is ${secret}.` } });
    expect(edited.json.text).toBe("It is [redacted].");
  });

  test("of another team is not there, whatever is asked of it", async () => {
    const { id } = (await create({ pinned: true })).json;
    const call = { token: zoe.token };
    for (const asking of [
      send("GET", `/learnings/${id}`, call),
      send("POST", `/learnings/${id}`, { ...call, body: { title: "Mine" } }),
      send("POST", `/learnings/${id}/pin`, call),
      send("DELETE", `/learnings/${id}`, call),
    ])
      await expectRefused("not_found", asking);
    expect(titles(await send("GET", "/learnings", call))).toEqual([]);
    expect(titles(await send("GET", "/learnings?project=shop", call))).toEqual([]);
    expect(titles(await send("GET", "/learnings/search?q=ports", call))).toEqual([]);
    await expectRefused("not_found", create({ project: "shop" }, call), "There is no project shop");
    // The same words in two teams are two learnings.
    expect((await create({}, call)).json.found).toBe(1);
  });

  test("is read by viewers and written by members", async () => {
    const { id } = (await create()).json;
    const call = { token: vera.token };
    expect((await send("GET", `/learnings/${id}`, call)).status).toBe(200);
    await expectRefused("forbidden", create({}, call), "member");
    await expectRefused("forbidden", send("POST", `/learnings/${id}`, { ...call, body: {} }));
    await expectRefused("forbidden", send("DELETE", `/learnings/${id}`, call));
    const body = { files: [{ path: "a.md", text: "- a: b" }] };
    await expectRefused("forbidden", send("POST", "/learnings/import", { ...call, body }));
  });
});

describe("the list", () => {
  test("is filtered, newest first, and paged without gaps or repeats", async () => {
    for (let i = 0; i < 7; i++)
      await create({
        title: `Number ${i}`,
        kind: i % 2 ? "pattern" : "gotcha",
        stack: i % 3 ? [] : ["python"],
        pinned: i === 5,
        project: i < 2 ? "shop" : null,
      });
    expect(titles(await send("GET", "/learnings?kind=pattern"))).toEqual([
      "Number 5",
      "Number 3",
      "Number 1",
    ]);
    expect(titles(await send("GET", "/learnings?stack=python"))).toEqual([
      "Number 6",
      "Number 3",
      "Number 0",
    ]);
    expect(titles(await send("GET", "/learnings?pinned=true"))).toEqual(["Number 5"]);
    expect(titles(await send("GET", "/learnings?pinned=false&kind=pattern"))).toEqual([
      "Number 3",
      "Number 1",
    ]);
    expect(titles(await send("GET", "/learnings?project=shop"))).toEqual(["Number 1", "Number 0"]);
    expect(titles(await send("GET", "/learnings?project=unknown"))).toEqual([]);
    const all: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await send("GET", `/learnings?limit=3${cursor}`);
      all.push(...titles(page));
      if (page.json.next_cursor === null) break;
      cursor = `&cursor=${page.json.next_cursor}`;
    }
    expect(all).toEqual([6, 5, 4, 3, 2, 1, 0].map((i) => `Number ${i}`));
  });

  test.each([
    "?limit=0",
    "?limit=1e9",
    "?limit=-1",
    "?kind=rumour",
    "?stack=cobol",
    "?pinned=maybe",
    "?cursor=-1",
    "?cursor=99999999999999999999",
    "?project=../x",
    "?job=JOB-1",
    "?owner=1",
    "?kind=gotcha&kind=pattern",
  ])("%s is refused", (query) => expectRefused("bad_request", send("GET", `/learnings${query}`)));
});

describe("a search", () => {
  test("finds what fits best first and says how it looked", async () => {
    await create({ title: "Ports of tests", text: "Servers in tests listen on port 0." });
    await create({ title: "Servers", text: "They start in the order of their ports." });
    await create({ title: "Time", text: "UTC only." });
    const found = await send("GET", "/learnings/search?q=ports+of+tests");
    expect(titles(found)).toEqual(["Ports of tests", "Servers"]);
    expect(found.json).toMatchObject({ by: "text", note: null });
    expect(found.json.learnings[0].relevance).toBeGreaterThan(found.json.learnings[1].relevance);
    expect(titles(await send("GET", "/learnings/search?q=ports&limit=1"))).toHaveLength(1);
  });

  test("may be for one project or technology", async () => {
    await create({ title: "One port", project: "shop" });
    await create({ title: "Two port", stack: ["python"] });
    expect(titles(await send("GET", "/learnings/search?q=port&project=shop"))).toEqual(["One port"]);
    expect(titles(await send("GET", "/learnings/search?q=port&stack=python"))).toEqual(["Two port"]);
    await expectRefused("not_found", send("GET", "/learnings/search?q=port&project=other"));
  });

  test.each([
    ["operators", "ports & !tests | (a <-> b):*"],
    ["quotes", `'ports" \\' ; DROP TABLE learning --`],
    ["stop words alone", "the of and"],
    ["marks alone", "??? !!! %%%"],
    ["other scripts", "порты 港口 🚢"],
  ])("may have %s", async (_name, q) => {
    await create();
    expect((await send("GET", `/learnings/search?q=${encodeURIComponent(q)}`)).status).toBe(200);
    expect(await count()).toBe(1);
  });

  test.each(["", "?q=", "?q=%20", "?q=a%00b", `?q=${"a".repeat(1_001)}`, "?q=a&limit=51", "?q=a%0Ab"])(
    "%s is refused",
    (query) => expectRefused("bad_request", send("GET", `/learnings/search${query}`)),
  );
});

describe("files", () => {
  const read = (files: object[], more: object = {}) =>
    send("POST", "/learnings/import", { body: { files, ...more } });
  const FILE = {
    path: "docs/notes.md",
    text: "# Notes\n\n## [gotcha] Ports\n\nUse 0.\n\n## Time\n\nUTC only.\n",
  };

  test("are read in once, for a project and its technologies", async () => {
    expect((await read([FILE], { project: "shop", stack: ["node"] })).json).toEqual({
      taken: 2,
      known: 0,
      skipped: 0,
    });
    expect((await read([FILE, FILE])).json).toEqual({ taken: 0, known: 2, skipped: 2 });
    const { json } = await send("GET", "/learnings?kind=gotcha");
    expect(json.learnings).toMatchObject([
      { origin: "file", project: "shop", stack: ["node"], text: "Use 0." },
    ]);
  });

  test("with secrets, of any shape and many at once come to what may be stored", async () => {
    const many = Array.from({ length: 900 }, (_, i) => `- [gotcha] T${i}: w${i}`).join("\n");
    const secret = `sk-ant-${"abc".repeat(9)}`;
    const answer = await read([
      { path: "a.md", text: many },
      { path: "b.md", text: `- [gotcha] Key: ${secret}` },
      { path: "c.md", text: "" },
    ]);
    expect(answer.json).toMatchObject({ taken: 501, known: 0 });
    expect(await factory.db.learning.count({ where: { text: { contains: "sk-ant" } } })).toBe(0);
  });

  test.each([
    ["no files", { files: [] }, "bad_request"],
    ["NUL", { files: [{ path: "a.md", text: "a\u0000b" }] }, "bad_request"],
    ["unknown fields", { files: [{ path: "a.md", text: "a", mode: 1 }] }, "bad_request"],
    ["a project of nobody", { files: [{ path: "a.md", text: "- a: b" }], project: "none" }, "not_found"],
    ["too many", { files: Array.from({ length: 201 }, () => ({ path: "a", text: "b" })) }, "bad_request"],
    [
      "more than a megabyte",
      { files: [1, 2, 3].map(() => ({ path: "a", text: "b".repeat(400_000) })) },
      "too_large",
    ],
  ] as const)("with %s are refused, and nothing is taken", async (_name, body, code) => {
    await expectRefused(code, send("POST", "/learnings/import", { body }));
    expect(await count()).toBe(0);
  });
});

describe("bad input", () => {
  test.each([
    ["no title", { title: "" }],
    ["a title of two lines", { title: "a\nb" }],
    ["a long title", { title: "a".repeat(201) }],
    ["no text", { text: " " }],
    ["a long text", { text: "a".repeat(4_001) }],
    ["an unknown kind", { kind: "rumour" }],
    ["an unknown technology", { stack: ["cobol"] }],
    ["a path outside", { files: ["../x"] }],
    ["an absolute path", { files: ["/etc/passwd"] }],
    ["git's own files", { files: [".git/hooks/x"] }],
    ["an owner", { teamId: "1" }],
    ["a score", { score: 1 }],
    ["NUL", { text: "a\u0000b" }],
    ["text that is none", { text: 5 }],
  ])("with %s is refused, and nothing is kept", async (_name, body) => {
    await expectRefused("bad_request", create(body));
    expect(await count()).toBe(0);
  });

  test("half of an emoji is refused", async () => {
    const raw = '{"kind":"gotcha","title":"a","text":"\\ud800"}';
    await expectRefused("bad_request", send("POST", "/learnings", { raw }));
  });

  test.each(["0", "-1", "1e3", "9".repeat(19), "abc", "JOB-20260101000000-AAAA"])(
    "the id %s is refused",
    (id) => expectRefused("bad_request", send("GET", `/learnings/${id}`)),
  );

  test("what is left of nothing but invisible marks is nothing", () =>
    expectRefused("bad_request", create({ title: "\u200b", text: "\u200b\u200b" }), "Nothing is left"));
});

test("a job says what its agents were told and what it found out", async () => {
  const { json: job } = await send("POST", "/jobs", { body: { title: "A job" } });
  const { json: told } = await create();
  const row = await factory.db.job.findUniqueOrThrow({ where: { publicId: job.job_id } });
  await factory.db.learningUse.create({
    data: {
      jobId: row.id,
      run: 1,
      agentRun: "task-1/coder",
      learningId: BigInt(told.id),
      rank: 1,
      outcome: "failed",
    },
  });
  await factory.db.learning.create({
    data: {
      teamId: ana.teamId,
      jobId: row.id,
      run: 1,
      kind: "pattern",
      title: "t",
      text: "x",
      hash: "h",
      origin: "job",
    },
  });
  const { json } = await send("GET", `/jobs/${job.job_id}/learnings`);
  expect(json).toMatchObject({
    given: [{ run: 1, agent_run: "task-1/coder", rank: 1, outcome: "failed", learning: { id: told.id } }],
    taken: [{ title: "t", job: job.job_id }],
  });
  expect(titles(await send("GET", `/learnings?job=${job.job_id}`))).toEqual(["t"]);
  await send("DELETE", `/learnings/${told.id}`);
  expect((await send("GET", `/jobs/${job.job_id}/learnings`)).json.given[0].learning).toBeNull();
  await expectRefused("not_found", send("GET", `/jobs/${job.job_id}/learnings`, { token: zoe.token }));
});
