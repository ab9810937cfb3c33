// Reading what jobs made, health, set-up, and a database that is away.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleSetup } from "@/server/api/http/setup";
import { openApiDocument } from "@/server/api/openapi";
import { connect } from "@/server/db";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { createRepository } from "@/server/workspaces/repository";
import { type Call, type Factory, makeRequest, PASSWORD, read, startFactory } from "./support";

let factory: Factory;
let token: string;

beforeAll(async () => {
  factory = await startFactory({ FABRICA_SETUP_TOKEN: "the setup token" });
});
afterAll(() => factory.close());

const rest = async (method: string, path: string, call: Call = {}, db = factory.db) =>
  read(await handleRest(makeRequest(method, `/api/v1${path}`, call), db));

test("whoever holds the setup token makes the first admin, once, even 10 times at once", async () => {
  const body = { email: "Ada@Example.test", username: "ada", password: PASSWORD, team: "Équipe Nord" };
  const headers = { authorization: "Bearer the setup token" };
  const answers = await Promise.all(
    Array.from({ length: 10 }, async () =>
      read(await handleSetup(makeRequest("POST", "/api/setup", { body, headers }), factory.db)),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
  expect(answers.find(({ status }) => status === 201)?.json).toEqual({
    username: "ada",
    team: "equipe-nord",
  });
  const login = await rest("POST", "/auth/login", {
    body: { username: "ada@EXAMPLE.test", password: PASSWORD },
  });
  expect(login.status).toBe(200);
  token = login.json.access_token;
});

async function commitFiles(publicId: string, files: Record<string, string | Buffer>): Promise<string> {
  const bare = jobRepository(publicId);
  await createRepository(bare);
  const folder = mkdtempSync(join(tmpdir(), "fabrica-commit-"));
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.test", ...args], {
      cwd: folder,
    }).toString();
  git("init", "--quiet", "--initial-branch=main");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  git("add", "--all");
  git("commit", "--quiet", "--message", "files");
  git("push", "--quiet", bare, "main");
  const commit = git("rev-parse", "HEAD").trim();
  rmSync(folder, { recursive: true, force: true });
  return commit;
}

test("files and diffs are read from the job's newest commit", async () => {
  const { json: job } = await rest("POST", "/jobs", { token, body: { title: "Files" } });
  const id = job.job_id;
  expect((await rest("GET", `/jobs/${id}/diff`, { token })).json).toEqual({ text: "", truncated: false });
  const commit = await commitFiles(id, {
    "src/main.js": "console.log('hi');\n",
    "image.png": Buffer.from([0x89, 0, 1, 2]),
    "large.txt": "x".repeat(600 * 1024),
  });
  await factory.db.job.update({ where: { publicId: id }, data: { headCommit: commit } });
  const detail = await rest("GET", `/jobs/${id}/detail`, { token });
  expect(detail.json.files.map(({ path }: { path: string }) => path)).toEqual([
    "image.png",
    "large.txt",
    "src/main.js",
  ]);
  const file = async (path: string) =>
    (await rest("GET", `/jobs/${id}/file?path=${encodeURIComponent(path)}`, { token })).json;
  expect(await file("src/main.js")).toEqual({
    text: "console.log('hi');\n",
    size: 19,
    truncated: false,
    binary: false,
  });
  expect(await file("image.png")).toEqual({ text: "", size: 4, truncated: false, binary: true });
  expect(await file("large.txt")).toMatchObject({ size: 600 * 1024, truncated: true });
  for (const path of ["../../secrets.json", "/etc/passwd", "src", ".git/config", `${commit}:src/main.js`]) {
    expect((await file(path)).error.code, path).toBe("not_found");
  }
  const one = await rest("GET", `/jobs/${id}/diff?path=src%2Fmain.js`, { token });
  expect(one.json.text).toContain("+console.log('hi');");
  expect(one.json.text).not.toContain("large.txt");
});

test("health says what is missing, never fails, and names parts only to members", async () => {
  expect((await rest("GET", "/health")).json).toMatchObject({ status: "ok" });
  const { status, json } = await rest("GET", "/health/detailed", { token });
  expect(status).toBe(200);
  expect(json.status).toBe("degraded");
  expect(json.components).toMatchObject({
    database: { ok: true },
    engine: { ok: false },
    runners: { ok: false },
  });
});

test("the model in use is told", async () => {
  expect((await rest("GET", "/factory", { token })).json).toEqual({
    provider: "simulation",
    model: "sim-1",
    simulated: true,
  });
});

test("a database that is away is a 503 to be tried again, whatever is asked", async () => {
  const away = connect("postgres://nobody@127.0.0.1:1/nothing", 1);
  for (const [method, path, call] of [
    ["GET", "/health", {}],
    ["GET", "/jobs", { token }],
    ["POST", "/jobs", { token, body: { title: "x" } }],
    ["POST", "/auth/login", { body: { username: "ada", password: PASSWORD } }],
    ["POST", "/auth/refresh", { body: { refresh_token: "x".repeat(40) } }],
  ] as [string, string, Call][]) {
    const { status, json, headers } = await rest(method, path, call, away);
    expect({ path, status, code: json.error.code }).toEqual({ path, status: 503, code: "unavailable" });
    expect(headers.get("retry-after")).toBe("2");
  }
  await away.$disconnect();
});

test("the OpenAPI document is whole and names no other host", () => {
  const document = openApiDocument();
  expect(document.openapi).toBe("3.1.0");
  expect(Object.keys(document.paths ?? {})).toContain("/jobs/{id}/events");
  expect(document.paths?.["/jobs"]?.post?.responses).toHaveProperty("201");
  expect(document.paths?.["/jobs"]?.post?.responses).not.toHaveProperty("200");
  expect(JSON.stringify(document)).not.toMatch(/https?:\/\//);
});
