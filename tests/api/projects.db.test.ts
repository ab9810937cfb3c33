// Projects over the API: what is kept, what is answered, what is refused; and that a token goes in and never comes out.
import pino from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleTrpc } from "@/server/api/http/trpc";
import { ERROR_STATUS, type ErrorCode } from "@/server/domain/errors";
import { log } from "@/server/log";
import { projectMirror } from "@/server/services/projects/project-mirror";
import { projectRemote } from "@/server/services/projects/project-remote";
import { redact } from "@/server/services/redact";
import { rememberSecret } from "@/server/services/secrets/known-secrets";
import { addPerson, type Call, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
let ana: Person;
let max: Person;
let zoe: Person;

beforeAll(async () => {
  factory = await startFactory({ GIT_REMOTES: "http://127.0.0.1:1" });
  ana = await addPerson(factory.db, "ana", "north", "admin");
  max = await addPerson(factory.db, "max", "north", "member");
  zoe = await addPerson(factory.db, "zoe", "south", "admin");
});
beforeEach(async () => {
  await factory.db.job.deleteMany();
  await factory.db.project.deleteMany();
});
afterAll(() => factory.close());

async function send(method: string, path: string, call: Call = {}) {
  const full = path.startsWith("/api") ? path : `/api/v1${path}`;
  const handle = full.startsWith("/api/trpc") ? handleTrpc : handleRest;
  return read(await handle(makeRequest(method, full, { token: ana.token, ...call }), factory.db));
}

const TOKEN = "s3cret/Token+of-the-shop=";
const SHOP = {
  name: "shop",
  repository_url: "https://github.com/north/shop.git",
  default_branch: "develop",
  folder: "packages/web",
  username: "robot",
  token: TOKEN,
  setup_command: "npm ci",
  lint_command: "npm run lint",
  test_command: "npm test",
  budget_usd: 2.5,
  max_fixes: 3,
  fallback_models: { coder: "ollama/qwen2.5-coder:14b" },
  image: "registry.example:5000/team/node:22-bookworm",
  models: { coder: "simulation/sim-1" },
};
const create = (body: object = SHOP, call: Call = {}) => send("POST", "/projects", { body, ...call });
const stored = (name = "shop") => factory.db.project.findFirstOrThrow({ where: { name } });

async function expectRefused(code: ErrorCode, asking: ReturnType<typeof send>, words?: string) {
  const { status, json } = await asking;
  expect({ status, code: json.error?.code }).toEqual({ status: ERROR_STATUS[code], code });
  expect(json.error.message).toMatch(/^[\w"].* .*[.!]$/s);
  if (words !== undefined) expect(json.error.message).toContain(words);
}

/** A job of the project, in some state. */
async function addJob(state: "pending" | "paused" | "failed", person = ana): Promise<void> {
  const token = person.token;
  const { json } = await send("POST", "/jobs", { token, body: { title: "A job" } });
  const { id: projectId } = await stored();
  await factory.db.job.update({ where: { publicId: json.job_id }, data: { projectId, state } });
}

describe("a project", () => {
  test("is kept as it was sent, all but the token", async () => {
    const { status, json } = await create();
    expect(status).toBe(201);
    const { token: _token, ...shown } = SHOP;
    expect(json).toEqual({
      ...shown,
      has_token: true,
      detected: null,
      checked_at: null,
      archived: false,
      open_jobs: 0,
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect((await send("GET", "/projects/shop")).json).toEqual(json);
    expect((await send("GET", "/projects")).json).toEqual({ projects: [json] });
  });

  test("needs a name and an address only", async () => {
    const { status, json } = await create({ name: "a.b_c-1", repository_url: "https://codeberg.org/a/b" });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      default_branch: null,
      folder: "",
      username: null,
      has_token: false,
      setup_command: null,
      budget_usd: null,
      max_fixes: null,
      models: {},
    });
  });

  test("has its address in one form, so that a mirror is one however it was typed", async () => {
    await create({ name: "one", repository_url: "https://GitHub.com/north/shop.git/" });
    await create({ name: "two", repository_url: "https://github.com/north/shop.git" });
    await create({ name: "one", repository_url: "https://github.com/north/shop.git" }, { token: zoe.token });
    const rows = await factory.db.project.findMany({ orderBy: { id: "asc" } });
    expect(new Set(rows.map((row) => row.repositoryUrl))).toEqual(
      new Set(["https://github.com/north/shop.git"]),
    );
    const [one, two, foreign] = rows.map(projectMirror);
    expect(one).toBe(two);
    expect(one).not.toBe(foreign);
    expect(one).toMatch(new RegExp(`^${factory.dataDir}/mirrors/${ana.teamId}-[0-9a-f]{24}\\.git$`));
  });

  test("is listed by name, with its team's others only", async () => {
    for (const name of ["zebra", "ant", "mole"]) await create({ ...SHOP, name });
    await create({ ...SHOP, name: "foreign" }, { token: zoe.token });
    const names = ({ json }: Awaited<ReturnType<typeof send>>) =>
      json.projects.map((project: { name: string }) => project.name);
    expect(names(await send("GET", "/projects"))).toEqual(["ant", "mole", "zebra"]);
    expect(names(await send("GET", "/projects", { token: zoe.token }))).toEqual(["foreign"]);
  });

  test("of another team is not there, whatever is asked of it", async () => {
    await create();
    const body = { folder: "" };
    const call = { token: zoe.token };
    await expectRefused("not_found", send("GET", "/projects/shop", call), "There is no project shop");
    await expectRefused("not_found", send("POST", "/projects/shop", { ...call, body }));
    await expectRefused("not_found", send("POST", "/projects/shop/archive", call));
    await expectRefused("not_found", send("POST", "/projects/shop/check", call));
    expect((await stored()).folder).toBe("packages/web");
  });

  test("has a name that its team has once, and other teams too", async () => {
    await create();
    await expectRefused("conflict", create({ ...SHOP, folder: "" }), "There is a project shop in this team");
    expect((await create(SHOP, { token: zoe.token })).status).toBe(201);
    expect((await stored()).folder).toBe("packages/web");
  });

  test("of one name is made once by many at the same moment", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => create()));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)]);
    expect(await factory.db.project.count()).toBe(1);
  });

  test("counts the jobs that are not settled", async () => {
    await create();
    await addJob("pending");
    await addJob("paused");
    await addJob("failed");
    expect((await send("GET", "/projects/shop")).json.open_jobs).toBe(2);
    expect((await send("GET", "/projects")).json.projects[0].open_jobs).toBe(2);
  });
});

describe("a change", () => {
  test("leaves alone what is left out", async () => {
    const { json } = await create();
    const changed = await send("POST", "/projects/shop", { body: { lint_command: "npx eslint ." } });
    expect(changed.status).toBe(200);
    expect(changed.json).toEqual({ ...json, lint_command: "npx eslint ." });
    expect((await projectRemote(await stored())).token).toBe(TOKEN);
    expect((await send("POST", "/projects/shop", { body: {} })).json).toEqual(changed.json);
  });

  test("takes away with null", async () => {
    await create();
    const nothing = {
      default_branch: null,
      username: null,
      token: null,
      setup_command: null,
      lint_command: null,
      test_command: null,
      budget_usd: null,
      max_fixes: null,
    };
    const { json } = await send("POST", "/projects/shop", { body: { ...nothing, folder: "", models: {} } });
    const { token: _token, ...shown } = nothing;
    expect(json).toMatchObject({ ...shown, folder: "", models: {}, has_token: false });
    expect((await projectRemote(await stored())).token).toBeNull();
  });

  test("sets another token", async () => {
    await create();
    expect(
      (await send("POST", "/projects/shop", { body: { token: "the-second-token" } })).json.has_token,
    ).toBe(true);
    expect(await projectRemote(await stored())).toEqual({
      url: "https://github.com/north/shop.git",
      username: "robot",
      token: "the-second-token",
    });
  });

  test("of place makes what was found elsewhere forgotten, another change does not", async () => {
    await create();
    const found = {
      ...{ branch: "develop", commit: "a".repeat(40), files: 1, tech_stack: ["node"] },
      ...{ setup_command: null, lint_command: null, test_command: null, has_config: false, notes: [] },
    };
    await factory.db.project.updateMany({ data: { detected: found, checkedAt: new Date() } });
    const same = await send("POST", "/projects/shop", { body: { folder: "packages/web", max_fixes: 1 } });
    expect(same.json.detected).toEqual(found);
    const moved = await send("POST", "/projects/shop", { body: { folder: "packages/api" } });
    expect(moved.json).toMatchObject({ detected: null, checked_at: null });
  });

  test("never reaches the address", async () => {
    await create();
    const body = { repository_url: "https://github.com/north/other.git" };
    await expectRefused("bad_request", send("POST", "/projects/shop", { body }), "no field repository_url");
  });
});

describe("an archived project", () => {
  test("is gone from the list, its name is free, its token forgotten", async () => {
    await create();
    await addJob("failed");
    const { status, json } = await send("POST", "/projects/shop/archive");
    expect({ status, ...json }).toMatchObject({ status: 200, archived: true, has_token: false });
    expect((await send("GET", "/projects")).json.projects).toEqual([]);
    await expectRefused("not_found", send("GET", "/projects/shop"));
    await expectRefused("not_found", send("POST", "/projects/shop/archive"));
    await expectRefused("not_found", send("POST", "/projects/shop", { body: { folder: "" } }));
    expect((await create()).status).toBe(201);
    expect((await factory.db.job.findFirstOrThrow()).projectId).not.toBeNull();
  });

  test.each(["pending", "paused"] as const)("it does not become while a job is %s", async (state) => {
    await create();
    await addJob(state);
    await expectRefused("conflict", send("POST", "/projects/shop/archive"), "A job works on project shop");
    expect((await send("GET", "/projects/shop")).json).toMatchObject({ archived: false, has_token: true });
  });
});

describe("a token", () => {
  /** Every row of every table, as Postgres writes it. */
  async function wholeDatabase(): Promise<string> {
    const tables = await factory.db.$queryRaw<{ name: string }[]>`
      SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'`;
    const texts = tables.map(({ name }) =>
      factory.db.$queryRawUnsafe<{ row: string }[]>(`SELECT t::text AS row FROM "${name}" t`),
    );
    return (await Promise.all(texts)).flatMap((rows) => rows.map(({ row }) => row)).join("\n");
  }

  /** All that is logged meanwhile, down to the smallest. */
  async function logOf(work: () => Promise<void>): Promise<string> {
    const logger = log as unknown as Record<symbol, { write(line: string): void }>;
    const { level } = log;
    const stream = logger[pino.symbols.streamSym];
    let lines = "";
    log.level = "trace";
    logger[pino.symbols.streamSym] = {
      write(line) {
        lines += line;
      },
    };
    try {
      await work();
      log.info("the end");
    } finally {
      logger[pino.symbols.streamSym] = stream as { write(line: string): void };
      log.level = level;
    }
    return lines;
  }

  const forms = [
    TOKEN,
    encodeURIComponent(TOKEN),
    Buffer.from(TOKEN).toString("hex"),
    Buffer.from(TOKEN).toString("base64"),
  ];

  test("is in no column, no answer and no line of the log", async () => {
    const answers: unknown[] = [];
    const keep = async (asking: ReturnType<typeof send>) => answers.push((await asking).json);
    const lines = await logOf(async () => {
      // Nobody listens there, so the look at it fails.
      await keep(create({ ...SHOP, repository_url: "http://127.0.0.1:1/north/shop.git" }));
      await keep(create());
      await keep(create({ ...SHOP, name: "N0" }));
      await keep(create({ ...SHOP, repository_url: `https://robot:${TOKEN}@github.com/a/b` }));
      await keep(create({ ...SHOP, extra: TOKEN }));
      await keep(create({ ...SHOP, name: "numbers", token: [TOKEN] }));
      await keep(send("POST", "/projects/shop", { body: { token: TOKEN } }));
      await keep(send("POST", "/projects/shop", { body: { token: `${TOKEN}\u0000` } }));
      await keep(send("POST", "/projects/shop/check"));
      await keep(send("GET", "/projects/shop"));
      await keep(send("GET", "/projects"));
      await keep(send("POST", "/api/trpc/projects.create", { body: { json: { ...SHOP, name: "by-trpc" } } }));
      await keep(send("POST", "/projects/shop/archive"));
    });
    expect(answers).toHaveLength(13);
    expect(await factory.db.project.count()).toBe(2);
    const everywhere = [await wholeDatabase(), JSON.stringify(answers), lines].join("\n");
    expect(lines).toContain("the end");
    for (const form of forms) expect(everywhere).not.toContain(form);
  });

  test("is sealed anew each time, and text is freed of it", async () => {
    await create();
    await create({ ...SHOP, name: "twin" });
    const [one, two] = [await stored("shop"), await stored("twin")];
    expect(Buffer.from(one.sealedToken ?? []).equals(Buffer.from(two.sealedToken ?? []))).toBe(false);
    // As in a process that has not seen it yet.
    for (let n = 0; n < 1_000; n++) rememberSecret(`another-secret-${n}`);
    expect(redact(TOKEN)).toBe(TOKEN);
    await projectRemote(one);
    const basic = Buffer.from(`robot:${TOKEN}`).toString("base64");
    expect(redact(`fatal: https://robot:${TOKEN}@host/ Authorization: Basic ${basic}`)).toBe(
      "fatal: https://robot:[redacted]@host/ Authorization: Basic [redacted]",
    );
  });

  test.each([
    [
      "was changed",
      (sealed: Uint8Array<ArrayBuffer>) => ({
        sealedToken: sealed.map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
      }),
    ],
    ["was cut", (sealed: Uint8Array<ArrayBuffer>) => ({ sealedToken: sealed.slice(0, 20) })],
    ["is to go to another address", () => ({ repositoryUrl: "https://github.com/mallory/steals.git" })],
    ["was moved to another team", () => ({ teamId: zoe.teamId })],
  ])("that %s is not opened", async (_name, changes) => {
    await create();
    const before = await stored();
    await factory.db.project.update({
      where: { id: before.id },
      data: changes(before.sealedToken as Uint8Array<ArrayBuffer>),
    });
    const refused = {
      code: "unprocessable",
      message: "The token of project shop can no longer be read; set it again.",
    };
    await expect(projectRemote(await stored())).rejects.toMatchObject(refused);
    const owner = (await stored()).teamId === zoe.teamId ? zoe : ana;
    await expectRefused(
      "unprocessable",
      send("POST", "/projects/shop/check", { token: owner.token }),
      refused.message,
    );
    await send("POST", "/projects/shop", { token: owner.token, body: { token: "set again and good" } });
    expect((await projectRemote(await stored())).token).toBe("set again and good");
  });

  test("of another project is not opened in its place", async () => {
    await create();
    await create({ ...SHOP, name: "twin", token: "the-token-of-the-twin" });
    await factory.db.project.updateMany({
      where: { name: "shop" },
      data: { sealedToken: (await stored("twin")).sealedToken },
    });
    await expect(projectRemote(await stored("shop"))).rejects.toMatchObject({ code: "unprocessable" });
  });
});

const without = (field: keyof typeof SHOP) =>
  Object.fromEntries(Object.entries(SHOP).filter(([name]) => name !== field));
const address = (repository_url: unknown) => ({ ...SHOP, repository_url });

const BAD: [name: string, body: object][] = [
  ["no name", without("name")],
  ["an empty name", { ...SHOP, name: "" }],
  ["a name with capitals", { ...SHOP, name: "Shop" }],
  ["a name with a slash", { ...SHOP, name: "a/b" }],
  ["a name that climbs", { ...SHOP, name: ".." }],
  ["a name of 81 letters", { ...SHOP, name: "a".repeat(81) }],
  ["a name of two lines", { ...SHOP, name: "a\nb" }],
  ["no address", without("repository_url")],
  ["an address that is null", address(null)],
  ["an address that is a number", address(5)],
  ["a helper of git as address", address("ext::sh -c touch% /tmp/x")],
  ["a file as address", address("file:///etc/passwd")],
  ["a path as address", address("/etc/passwd")],
  ["an option as address", address("--upload-pack=touch /tmp/x")],
  ["ssh with an option", address("ssh://-oProxyCommand=x/y")],
  ["the short form of ssh", address("git@github.com:a/b.git")],
  ["git's own protocol", address("git://github.com/a/b")],
  ["plain http", address("http://github.com/a/b")],
  ["a user in the address", address("https://robot@github.com/a/b")],
  ["a token in the address", address("https://x:y@github.com/a/b")],
  ["loopback in decimal", address("https://2130706433/a/b")],
  ["loopback in octal", address("https://0177.0.0.1/a/b")],
  ["loopback in IPv6", address("https://[::ffff:127.0.0.1]/a/b")],
  ["the metadata address", address("http://169.254.169.254/latest/meta-data")],
  ["a host that is not allowed", address("https://git.example.test/a/b")],
  ["a host that looks allowed", address("https://github.com.example.test/a/b")],
  ["a tab in the host", address("https://git\thub.com/a/b")],
  ["an odd port", address("https://github.com:8443/a/b")],
  ["a query", address("https://github.com/a/b?x=1")],
  ["a path that climbs", address("https://github.com/a/../b")],
  ["an escaped path", address("https://github.com/a/%2e%2e/b")],
  ["a backslash", address("https://github.com\\@127.0.0.1/a")],
  ["letters that look alike", address("https://gïthub.com/a/b")],
  ["an address of 3,000 letters", address(`https://github.com/${"a".repeat(3_000)}`)],
  ["an allowed origin on another port", address("http://127.0.0.1:2/a/b")],
  ["a branch like an option", { ...SHOP, default_branch: "--all" }],
  ["a branch that is a range", { ...SHOP, default_branch: "a..b" }],
  ["a branch with a colon", { ...SHOP, default_branch: "a:b" }],
  ["HEAD as branch", { ...SHOP, default_branch: "HEAD" }],
  ["a branch with spaces", { ...SHOP, default_branch: "a b" }],
  ["a folder that climbs", { ...SHOP, folder: "../x" }],
  ["an absolute folder", { ...SHOP, folder: "/etc" }],
  ["a folder in .git", { ...SHOP, folder: "a/.git" }],
  ["a folder with a slash at its end", { ...SHOP, folder: "packages/" }],
  ["a folder that goes nowhere", { ...SHOP, folder: "./a" }],
  ["a folder that is null", { ...SHOP, folder: null }],
  ["a user of two lines", { ...SHOP, username: "a\nb" }],
  ["a user with a colon", { ...SHOP, username: "a:b" }],
  ["an empty token", { ...SHOP, token: "" }],
  ["a token of two lines", { ...SHOP, token: "a\r\nX-Injected: 1" }],
  ["a token with NUL", { ...SHOP, token: "a\u0000b" }],
  ["a token of 4,001 letters", { ...SHOP, token: "a".repeat(4_001) }],
  ["an empty command", { ...SHOP, test_command: "  " }],
  ["a command with NUL", { ...SHOP, setup_command: "a\u0000" }],
  ["a command of 2,001 letters", { ...SHOP, lint_command: "a".repeat(2_001) }],
  ["a cap of nothing", { ...SHOP, budget_usd: 0 }],
  ["a cap below nothing", { ...SHOP, budget_usd: -1 }],
  ["a cap as text", { ...SHOP, budget_usd: "5" }],
  ["half a repair", { ...SHOP, max_fixes: 0.5 }],
  ["21 repairs", { ...SHOP, max_fixes: 21 }],
  ["models as a list", { ...SHOP, models: [] }],
  ["a model of nobody", { ...SHOP, models: { coder: "acme/one" } }],
  ["a role that is not there", { ...SHOP, models: { chef: "simulation/sim-1" } }],
  ["an unknown field", { ...SHOP, team_id: "1" }],
  ["a sealed token", { ...SHOP, sealed_token: "AAAA" }],
];

describe("bad input is refused in words and changes nothing", () => {
  test.each(BAD)("%s", async (_name, body) => {
    await expectRefused("bad_request", create(body));
    expect(await factory.db.project.count()).toBe(0);
  });

  test("in the address of the request", async () => {
    await create();
    for (const name of ["Shop", "..%2f..", "sh%00op", "a".repeat(81)])
      await expectRefused("bad_request", send("GET", `/projects/${name}`));
    await expectRefused("bad_request", send("POST", "/projects/shop", { body: { name: "shop" } }));
    await expectRefused("bad_request", send("GET", "/projects?limit=5"));
    await expectRefused("method_not_allowed", send("DELETE", "/projects/shop"));
  });

  test("from those who may not", async () => {
    await create();
    const { token } = max;
    await expectRefused("forbidden", create({ ...SHOP, name: "other" }, { token }));
    await expectRefused("forbidden", send("POST", "/projects/shop", { token, body: { token: "stolen" } }));
    await expectRefused("forbidden", send("POST", "/projects/shop/archive", { token }));
    expect((await send("GET", "/projects/shop", { token })).status).toBe(200);
  });
});
