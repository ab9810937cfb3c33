// A look at a project's repository, against a real git server over HTTP with a password.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { GitServer, type ServerRepository } from "../support/git-server";
import { addPerson, type Factory, makeRequest, type Person, read, startFactory } from "./support";

const CREDENTIALS = { username: "robot", password: "tok3n-of-the/shop+x=" };
const BASIC = Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString("base64");

let factory: Factory;
let server: GitServer;
let ana: Person;
let max: Person;
let upstream: ServerRepository;
let number = 0;
let name: string;
let answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;

beforeAll(async () => {
  server = await GitServer.start({
    credentials: CREDENTIALS,
    intercept: (request, response) => answer?.(request, response) ?? false,
  });
  factory = await startFactory({ GIT_REMOTES: server.origin });
  ana = await addPerson(factory.db, "ana", "north", "admin");
  max = await addPerson(factory.db, "max", "north", "member");
});
beforeEach(() => {
  answer = null;
  name = `shop-${number++}`;
  upstream = server.create(name);
});
afterAll(async () => {
  await server.stop();
  await factory.close();
});

async function send(path: string, body: object | undefined, token = ana.token) {
  const request = makeRequest("POST", `/api/v1${path}`, { token, ...(body ? { body } : {}) });
  const answer = await read(await handleRest(request, factory.db));
  for (const secret of [CREDENTIALS.password, BASIC])
    expect(JSON.stringify(answer.json)).not.toContain(secret);
  return answer;
}

async function file(fields: object = {}) {
  const { username, password: token } = CREDENTIALS;
  const made = await send("/projects", {
    name,
    repository_url: server.url(name),
    username,
    token,
    ...fields,
  });
  expect(made.status).toBe(201);
}
const check = () => send(`/projects/${name}/check`, undefined, max.token);

async function expectUnreadable(words: RegExp) {
  const { status, json } = await check();
  expect({ status, code: json.error?.code }).toEqual({ status: 422, code: "unprocessable" });
  expect(json.error.message).toMatch(words);
  expect(json.error.message).toMatch(/^[A-Z\d].* .*\.$/);
}

const MANIFEST = JSON.stringify({
  name: "shop",
  version: "1.0.0",
  scripts: { test: "node --test" },
  devDependencies: { x: "1" },
});
const NODE = {
  "package.json": MANIFEST,
  "package-lock.json": "{}",
  "index.js": "",
  "test/a.test.js": 'require("node:test")("a", () => {});\n',
};

test("finds branch, commit and what to propose, and keeps it", async () => {
  const commit = upstream.commit(NODE);
  upstream.commit({ "main.py": "" }, { branch: "other" });
  await file();
  const { status, json } = await check();
  expect(status).toBe(200);
  expect(json.detected).toEqual({
    branch: "main",
    commit,
    files: 4,
    tech_stack: ["node"],
    setup_command: expect.stringContaining("npm ci"),
    lint_command: null,
    test_command: null,
    has_config: false,
    notes: [],
  });
  expect(json.checked_at).toMatch(/^\d{4}-/);
  const { detected } = await factory.db.project.findFirstOrThrow({ where: { name } });
  expect(detected).toEqual(json.detected);
});

test("sees what was pushed since, and a branch that was forced", async () => {
  upstream.commit(NODE);
  await file();
  await check();
  const next = upstream.commit({ "b.js": "" });
  expect((await check()).json.detected).toMatchObject({ commit: next, files: 5 });
  upstream.git(["update-ref", "-d", "refs/heads/main"]);
  const forced = upstream.commit({ "main.py": "x = 1\n", "requirements.txt": "" });
  expect((await check()).json.detected).toMatchObject({ commit: forced, files: 2, tech_stack: ["python"] });
});

test("looks at the project's own branch and folder", async () => {
  upstream.commit(NODE);
  upstream.commit({ "api/main.py": "", "api/requirements.txt": "" }, { branch: "develop" });
  await file({ default_branch: "develop", folder: "api" });
  expect((await check()).json.detected).toMatchObject({
    branch: "develop",
    files: 2,
    tech_stack: ["python"],
  });
  await send(`/projects/${name}`, { default_branch: null, folder: "" });
  expect((await check()).json.detected).toMatchObject({ branch: "main", tech_stack: ["node"] });
});

test("tells of a fabrica.json, the folder that it names, and of a broken one", async () => {
  const inWeb = Object.fromEntries(Object.entries(NODE).map(([path, text]) => [`web/${path}`, text]));
  upstream.commit({ ...inWeb, "fabrica.json": '{"version": 1, "folder": "web"}' });
  await file();
  const { detected } = (await check()).json;
  expect(detected).toMatchObject({ has_config: true, notes: [], tech_stack: ["node"] });
  expect(detected.setup_command).toContain("npm ci");
  upstream.commit({ "fabrica.json": '{"version": 1, "tests": "x"}' });
  expect((await check()).json.detected.notes[0]).toMatch(/^fabrica\.json, .*"tests" is not a field/);
  upstream.commit({ "fabrica.json": Buffer.from([0, 1, 2]) });
  expect((await check()).json.detected).toMatchObject({
    has_config: true,
    notes: expect.arrayContaining(["fabrica.json is too long or no text."]),
  });
});

test("says what is left alone: submodules and LFS", async () => {
  const commit = upstream.commit({ ...NODE, ".gitattributes": "*.bin filter=lfs\n", ".gitmodules": "[x]\n" });
  upstream.commitEntries(`160000 ${commit}\tvendor/lib\0`);
  await file();
  const { notes, files } = (await check()).json.detected;
  expect(notes.join(" ")).toMatch(/Submodules are left alone.*Git LFS are left alone/);
  expect(files).toBe(6);
});

test("takes names and texts of any kind without harm", async () => {
  const blob = upstream.blob("x\n");
  const secret = `ghp_${"a1B2".repeat(9)}`;
  upstream.commit({
    "package.json": `{"name": "a\\u0000b", "version": "1.0.0", "scripts": {"test": "echo ${secret} \\u0000\\ud800"}}`,
    "odd/package.json": Buffer.from([0x7b, 0xff, 0xfe, 0x00]),
  });
  upstream.commitEntries(
    Buffer.concat(
      [Buffer.from("a\nb.js"), Buffer.from([0x66, 0xff, 0xfe]), Buffer.from("Case"), Buffer.from("case")].map(
        (path) => Buffer.concat([Buffer.from(`100644 ${blob}\t`), path, Buffer.from([0])]),
      ),
    ),
  );
  upstream.commitEntries(`120000 ${upstream.blob("/etc/passwd")}\tfabrica.json\0`);
  await file();
  const { status, json } = await check();
  expect(status).toBe(200);
  expect(json.detected).toMatchObject({ files: 6, has_config: false });
  expect(JSON.stringify(json)).not.toContain(secret);
});

test("says in words why a repository cannot be read, and loses nothing", async () => {
  const commit = upstream.commit(NODE);
  await file();
  await check();
  await send(`/projects/${name}`, { token: "wrong-token-000" });
  await expectUnreadable(/credential|token|password/i);
  await send(`/projects/${name}`, { token: null });
  await expectUnreadable(/credential|token|password/i);
  await send(`/projects/${name}`, { token: CREDENTIALS.password, default_branch: "gone" });
  await expectUnreadable(/no branch gone/);
  await send(`/projects/${name}`, { default_branch: null });
  expect((await check()).json.detected.commit).toBe(commit);
  upstream.git(["update-ref", "-d", "refs/heads/main"]);
  await expectUnreadable(/branch/);
  answer = (_request, response) => Boolean(response.writeHead(404).end("Nothing."));
  await expectUnreadable(/not|no /i);
  answer = (_request, response) =>
    Boolean(response.writeHead(302, { location: "http://169.254.169.254/" }).end("Elsewhere."));
  await expectUnreadable(/another address|redirect|elsewhere/i);
  answer = (request) => Boolean(request.socket.destroy());
  await expectUnreadable(/./);
  const { json } = await read(
    await handleRest(makeRequest("GET", `/api/v1/projects/${name}`, { token: ana.token }), factory.db),
  );
  expect(json.detected.commit).toBe(commit);
});

/** Gives a request that was held back to the server after all. */
function askAgain({ url, method, headers }: IncomingMessage, response: ServerResponse): void {
  const asking = ask(`${server.origin}${url}`, { method, headers }, (answered) => {
    response.writeHead(answered.statusCode ?? 500, answered.headers);
    answered.pipe(response);
  });
  asking.end();
}

test("does not keep what it found when the project was changed meanwhile", async () => {
  upstream.commit(NODE);
  await file();
  let changing: Promise<unknown> | null = null;
  answer = (request, response) => {
    if (changing) return false;
    changing = send(`/projects/${name}`, { folder: "web" }).then(() => askAgain(request, response));
    return true;
  };
  const { status, json } = await check();
  expect({ status, message: json.error.message }).toEqual({
    status: 409,
    message: `Project ${name} was changed meanwhile; look at it again.`,
  });
  expect((await factory.db.project.findFirstOrThrow({ where: { name } })).detected).toBeNull();
});

test("leaves the token in no file of the data folder", () => {
  const files = (readdirSync(factory.dataDir, { recursive: true }) as string[])
    .map((path) => join(factory.dataDir, path))
    .filter((path) => statSync(path).isFile());
  expect(files.some((path) => path.includes("/mirrors/"))).toBe(true);
  for (const path of files) {
    const bytes = readFileSync(path);
    for (const secret of [CREDENTIALS.password, BASIC]) expect(bytes.includes(secret), path).toBe(false);
  }
});
