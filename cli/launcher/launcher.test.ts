import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLauncherSettings } from "../env";
import { findHolder, takeLock } from "./lock";
import { lineSplitter, readable } from "./log-lines";
import { freePort, requirePort } from "./ports";
import { appSpec, engineSpec, type ProcessPlan, runnerSpec } from "./processes";
import { othersCanReach, resolvePlaces } from "./reachable";
import { loadSecrets } from "./secrets";

const NO_ENVIRONMENT = {} as NodeJS.ProcessEnv;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fabrica-launcher-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("secrets", () => {
  it("are made once, kept, and readable by their owner only", () => {
    const first = loadSecrets(dir, NO_ENVIRONMENT);
    expect(loadSecrets(dir, NO_ENVIRONMENT)).toEqual(first);
    expect(statSync(join(dir, "secrets.json")).mode & 0o777).toBe(0o600);
    expect(new Set(Object.values(first)).size).toBe(Object.keys(first).length);
  });

  it("fill in what a later version needs and keep the rest", () => {
    const { auth } = loadSecrets(dir, NO_ENVIRONMENT);
    writeFileSync(join(dir, "secrets.json"), JSON.stringify({ auth }));
    expect(loadSecrets(dir, NO_ENVIRONMENT)).toMatchObject({
      auth,
      engineSigningKey: expect.stringMatching(/^signkey-prod-/),
    });
  });

  it("come from the environment when an operator gives them, and are not written down", () => {
    const given = { FABRICA_RUNNER_TOKEN: "g".repeat(40) } as unknown as NodeJS.ProcessEnv;
    expect(loadSecrets(dir, given).runner).toBe("g".repeat(40));
    expect(loadSecrets(dir, NO_ENVIRONMENT).runner).not.toBe("g".repeat(40));
    const short = { FABRICA_AUTH_SECRET: "x" } as unknown as NodeJS.ProcessEnv;
    expect(() => loadSecrets(dir, short)).toThrow("FABRICA_AUTH_SECRET is too short.");
  });

  it("are never silently replaced when the file is damaged", () => {
    writeFileSync(join(dir, "secrets.json"), "{");
    expect(() => loadSecrets(dir, NO_ENVIRONMENT)).toThrow(/cannot be read/);
  });
});

describe("the lock", () => {
  it("refuses a second launcher and names the first", () => {
    const lock = takeLock(dir, "http://127.0.0.1:9000");
    expect(() => takeLock(dir, "http://127.0.0.1:9001")).toThrow(
      /already running.*http:\/\/127\.0\.0\.1:9000/,
    );
    lock.release();
    expect(findHolder(dir)).toBeNull();
    takeLock(dir, "http://127.0.0.1:9001").release();
  });

  it("sees through a dead holder, also when its process id is in use again", async () => {
    const dead = spawn("true");
    await once(dead, "exit");
    for (const holder of [
      { pid: dead.pid, started: "1", url: "" },
      { pid: process.pid, started: "1", url: "" },
    ]) {
      writeFileSync(join(dir, "launcher.lock"), JSON.stringify(holder));
      const lock = takeLock(dir, "http://127.0.0.1:9000");
      expect(lock.stale).toBe(true);
      lock.release();
    }
  });
});

describe("ports", () => {
  it("says plainly that a port is taken, and how to go on", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    await expect(requirePort(port, "127.0.0.1", false)).rejects.toThrow(
      `Port ${port} is taken by another program. Stop that program, or choose another port: PORT=${port + 1} npm start`,
    );
    server.close();
  });

  it("finds a free one", async () => {
    const port = await freePort();
    await expect(requirePort(port, "127.0.0.1", false)).resolves.toBeUndefined();
  });
});

describe("settings", () => {
  it.each([
    [
      { INNGEST_BASE_URL: "http://engine:8288" },
      /INNGEST_BASE_URL is set, but INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY are missing/,
    ],
    [{ PORT: "99999" }, /PORT/],
    [{ DATABASE_URL: "mysql://x/y" }, /DATABASE_URL/],
    [{ DEFAULT_WORKERS: "none" }, /DEFAULT_WORKERS/],
  ])("refuse %o by name", (environment, message) => {
    expect(() => readLauncherSettings(environment as unknown as NodeJS.ProcessEnv)).toThrow(message);
  });

  it("take PORT before DASHBOARD_PORT before 9000, and count empty values as unset", () => {
    const port = (environment: object) => readLauncherSettings(environment as NodeJS.ProcessEnv).port;
    expect([
      port({}),
      port({ DASHBOARD_PORT: "9001" }),
      port({ PORT: "9002", DASHBOARD_PORT: "9001" }),
    ]).toEqual([9000, 9001, 9002]);
    expect(port({ PORT: "" })).toBe(9000);
  });
});

describe("places", () => {
  it("see a private folder anywhere on the way", () => {
    mkdirSync(join(dir, "private", "clone"), { recursive: true });
    chmodSync(dir, 0o755);
    expect(othersCanReach(join(dir, "private", "clone"))).toBe(true);
    chmodSync(join(dir, "private"), 0o700);
    expect(othersCanReach(join(dir, "private", "clone"))).toBe(false);
    expect(othersCanReach(join(dir, "private", "clone", "not", "there", "yet"))).toBe(false);
  });

  it("keep everything in the clone when others can reach it", () => {
    chmodSync(dir, 0o755);
    const places = resolvePlaces(dir);
    expect(places).toEqual({ root: dir, dataDir: join(dir, ".data"), sharedDir: join(dir, ".data") });
    expect(existsSync(places.dataDir)).toBe(true);
  });
});

describe("what each process is given", () => {
  const plan: ProcessPlan = {
    places: { root: "/clone", dataDir: "/data", sharedDir: "/shared" },
    secrets: {
      auth: "a".repeat(32),
      setup: "s".repeat(32),
      runner: "r".repeat(32),
      engineSigningKey: "signkey-prod-00",
      engineEventKey: "e".repeat(32),
    },
    databaseUrl: "postgresql://u:p@h/d",
    appUrl: "http://127.0.0.1:9000",
    publicUrl: "https://fabrica.example",
    host: "127.0.0.1",
    port: 9000,
    enginePort: 4711,
    workers: 2,
    environment: {
      NODE_ENV: "test",
      ANTHROPIC_API_KEY: "sk-secret",
      GITHUB_TOKEN: "gh-secret",
      DATABASE_URL: "postgresql://secret",
      RUNNER_DRIVER: "bubblewrap",
      AWS_SECRET_ACCESS_KEY: "aws-secret",
      LANG: "C.UTF-8",
    },
    watch: false,
  };

  it("the runner gets its registration token and no other secret", () => {
    const { env } = runnerSpec({
      ...plan,
      registrationToken: plan.secrets.runner,
      toolchainDir: "/cache/toolchain-x",
    });
    expect(Object.keys(env).sort()).toEqual([
      "FABRICA_RUNNER_TOKEN",
      "FABRICA_URL",
      "LANG",
      "NODE_ENV",
      "PATH",
      "RUNNER_DRIVER",
      "RUNNER_STATE_DIR",
      "RUNNER_SUPERVISOR",
      "RUNNER_TOOLCHAIN_DIR",
      "RUNNER_WORKERS",
    ]);
  });

  it("the engine gets no model key", () => {
    const { env } = engineSpec({ ...plan, enginePort: 4711 });
    expect(Object.values(env).join(" ")).not.toMatch(/sk-secret|gh-secret|aws-secret/);
    expect(env.DATABASE_URL).toBe(plan.databaseUrl);
  });

  it("the app gets the settings, and Inngest's names point to the engine", () => {
    expect(appSpec(plan).env).toMatchObject({
      ANTHROPIC_API_KEY: "sk-secret",
      DATABASE_URL: plan.databaseUrl,
      INNGEST_BASE_URL: "http://127.0.0.1:4711",
      NEXTAUTH_URL: "https://fabrica.example",
    });
    const external = appSpec({
      ...plan,
      enginePort: null,
      environment: { ...plan.environment, INNGEST_BASE_URL: "http://i" },
    });
    expect(external.env).toMatchObject({ INNGEST_BASE_URL: "http://i" });
  });
});

describe("log lines", () => {
  it("are cut at line ends across chunks, and endless ones are cut anyway", () => {
    const lines: string[] = [];
    const splitter = lineSplitter((line) => lines.push(line));
    splitter.push("one\ntw");
    splitter.push("o\r\nthree");
    splitter.end();
    splitter.push("x".repeat(10_000));
    expect(lines.slice(0, 3)).toEqual(["one", "two", "three"]);
    expect(lines[3]).toHaveLength(4_000);
  });

  it("show structured lines as words", () => {
    expect(readable('{"level":30,"time":1,"pid":2,"hostname":"h","msg":"claimed","job":"JOB-1","n":2}')).toBe(
      "info claimed job=JOB-1 n=2",
    );
    expect(readable("{not json")).toBe("{not json");
  });
});
