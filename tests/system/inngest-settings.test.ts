// Which engine is used is said by a few settings. Half of them are refused by everything that reads them, in one
// sentence that says how to mend it; docker-compose.yml sets only what is read, and pins what it starts.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readLauncherSettings } from "@/cli/env";
import { readEngineEnv } from "@/inngest/embedded/env";
import { chooseEngine } from "@/server/domain/engine-settings";
import { readEnv } from "@/server/env";
import { ROOT } from "./factory";

const KEY = "0123456789abcdef".repeat(4);
const URL_OF_SERVER = { INNGEST_BASE_URL: "http://inngest:8288" };
const KEYS = { INNGEST_EVENT_KEY: "e", INNGEST_SIGNING_KEY: KEY };
const DEV = { INNGEST_DEV: "1", INNGEST_BASE_URL: "http://127.0.0.1:8288" };

const HALF: [Record<string, string>, RegExp][] = [
  [
    URL_OF_SERVER,
    /INNGEST_BASE_URL is set, but INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY are missing: set all three/,
  ],
  [
    { ...URL_OF_SERVER, INNGEST_EVENT_KEY: "e" },
    /are set, but INNGEST_SIGNING_KEY is missing: set all three/,
  ],
  [{ ...URL_OF_SERVER, INNGEST_SIGNING_KEY: KEY }, /are set, but INNGEST_EVENT_KEY is missing/],
  [KEYS, /are set, but INNGEST_BASE_URL is missing/],
  [{ INNGEST_EVENT_KEY: "e" }, /INNGEST_EVENT_KEY is set, but INNGEST_BASE_URL and INNGEST_SIGNING_KEY are/],
  [{ ...URL_OF_SERVER, ...KEYS, INNGEST_SIGNING_KEY: "not hex" }, /INNGEST_SIGNING_KEY is not usable/],
  [{ ...URL_OF_SERVER, ...KEYS, INNGEST_BASE_URL: "file:///tmp" }, /INNGEST_BASE_URL/],
  [{ INNGEST_DEV: "1" }, /INNGEST_DEV is set, but INNGEST_BASE_URL is missing/],
  [{ ...DEV, INNGEST_SIGNING_KEY: KEY }, /leave one of the two out/],
  [{ ...DEV, ...URL_OF_SERVER }, /must be an address of this machine/],
  [{ ...DEV, INNGEST_DEV: "yes" }, /INNGEST_DEV/],
];

const APP = {
  DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none",
  DATA_DIR: "/nowhere",
  FABRICA_AUTH_SECRET: "x".repeat(32),
};

describe("half of the engine's settings", () => {
  it.each(HALF)("%o is refused by the app, in one sentence", (given, sentence) => {
    expect(() => readEnv({ ...APP, ...given })).toThrow(sentence);
  });

  it.each(HALF)("%o is refused by the launcher, in one sentence", (given, sentence) => {
    expect(() => readLauncherSettings(given as NodeJS.ProcessEnv)).toThrow(sentence);
  });

  it.each([
    [{ ENGINE_SIGNING_KEY: KEY }, /ENGINE_SIGNING_KEY is set, but ENGINE_EVENT_KEY is missing/],
    [{ ENGINE_EVENT_KEY: "e" }, /ENGINE_EVENT_KEY is set, but ENGINE_SIGNING_KEY is missing/],
  ])("%o is refused by the engine, in one sentence", (given, sentence) => {
    const engine = { DATABASE_URL: APP.DATABASE_URL, ENGINE_APP_URL: "http://127.0.0.1:9000/api/inngest" };
    expect(() => readEngineEnv({ ...engine, ...given } as unknown as NodeJS.ProcessEnv)).toThrow(sentence);
    expect(readEngineEnv(engine as unknown as NodeJS.ProcessEnv).ENGINE_SIGNING_KEY).toBeUndefined();
  });

  it("ends the processes themselves with that sentence", () => {
    const run = (...args: string[]) => {
      const { PATH, HOME } = process.env;
      const env = { PATH, HOME, NODE_ENV: "production", ...APP, ...URL_OF_SERVER } as NodeJS.ProcessEnv;
      return spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", env, timeout: 50_000 });
    };
    for (const ended of [run("dist/fabrica.mjs", "up"), run("dist/app.mjs")]) {
      expect(ended.status).toBe(1);
      expect(ended.stderr).toContain(
        "INNGEST_BASE_URL is set, but INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY are missing",
      );
      expect(ended.stderr).not.toContain("    at ");
    }
  });
});

describe("whole settings", () => {
  it.each([
    [{}, "built-in"],
    [{ INNGEST_BASE_URL: "", INNGEST_DEV: "0" }, "built-in"],
    [{ ...URL_OF_SERVER, ...KEYS }, "signed"],
    [{ ...URL_OF_SERVER, ...KEYS, INNGEST_SIGNING_KEY: `signkey-prod-${KEY}` }, "signed"],
    [DEV, "dev"],
    [{ ...DEV, INNGEST_BASE_URL: "http://[::1]:8288", INNGEST_EVENT_KEY: "any" }, "dev"],
  ] as [Record<string, string>, string][])("%o choose the engine %s", (given, engine) => {
    expect(chooseEngine(given)).toEqual({ engine });
    expect(readEnv({ ...APP, ...given }).INNGEST_DEV).toBe(engine === "dev" ? "1" : "0");
    const launcher = readLauncherSettings(given as NodeJS.ProcessEnv);
    expect(launcher.externalEngine).toBe(engine !== "built-in");
  });

  it("with unsigned calls are for this machine only", () => {
    const open = { ...DEV, HOST: "0.0.0.0" } as unknown as NodeJS.ProcessEnv;
    expect(() => readLauncherSettings(open)).toThrow(/HOST=0.0.0.0 lets other machines in/);
  });
});

// The parser is the one that came with knip, a development dependency.
const besideKnip = createRequire(createRequire(import.meta.url).resolve("knip"));
const { parse } = besideKnip("yaml") as { parse(text: string): unknown };

const service = z.strictObject({
  image: z.string().optional(),
  build: z.string().optional(),
  profiles: z.array(z.string()).default([]),
  command: z.union([z.string(), z.array(z.string())]).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z
    .union([z.array(z.string()), z.record(z.string(), z.object({ condition: z.literal("service_healthy") }))])
    .default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()),
      interval: z.string(),
      start_period: z.string().optional(),
      retries: z.number(),
    })
    .optional(),
  init: z.boolean().optional(),
  user: z.string().optional(),
  stop_grace_period: z.string().optional(),
  restart: z.literal("unless-stopped"),
});
const compose = z
  .strictObject({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
  .parse(parse(readFileSync(join(ROOT, "docker-compose.yml"), "utf8")));
const services = Object.entries(compose.services);

/** Settings that are read by somebody other than server/env.ts. */
const OTHER_READERS: Record<string, string[]> = {
  app: [],
  runner: ["FABRICA_URL", "DEFAULT_WORKERS", "FABRICA_CACHE_DIR", "RUNNER_DRIVER", "RUNNER_SUPERVISOR"],
};

describe("docker-compose.yml", () => {
  it("has the factory, its database and its runner, and with the profile a real Inngest server", () => {
    const names = (profiles: string) => services.filter(([, { profiles: p }]) => p.join() === profiles);
    expect(names("").map(([name]) => name)).toEqual(["postgres", "app", "runner"]);
    expect(names("inngest").map(([name]) => name)).toEqual(["inngest", "inngest-postgres", "inngest-redis"]);
  });

  it.each(services.filter(([, { build }]) => build === undefined))(
    "pins the image of %s and asks for its health",
    (_, { image, healthcheck }) => {
      expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+(\.\d+)?(-pg\d+)?$/);
      expect(healthcheck?.test.length).toBeGreaterThan(1);
    },
  );

  it("keeps what must outlive a container in a volume that is named, and waits for what is needed", () => {
    const kept = services.flatMap(([, { volumes }]) =>
      volumes.map((one) => one.split(":")[0] ?? "").filter((name) => !name.startsWith("/")),
    );
    expect(kept.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
    const needed = services.flatMap(([, { depends_on: on }]) => (Array.isArray(on) ? on : Object.keys(on)));
    for (const name of needed) expect(Object.keys(compose.services)).toContain(name);
    for (const [, { ports }] of services) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it.each(Object.entries(OTHER_READERS))("gives %s only settings that somebody reads", (name, others) => {
    const given = compose.services[name]?.environment ?? {};
    const known = new Set([...Object.keys(knownToTheApp()), ...others]);
    expect(Object.keys(given).filter((variable) => !known.has(variable))).toEqual([]);
  });

  it("uses only variables that the app knows or that it names itself", () => {
    const text = readFileSync(join(ROOT, "docker-compose.yml"), "utf8");
    const used = [...text.matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1] ?? "");
    const known = new Set([...Object.keys(knownToTheApp()), "POSTGRES_PASSWORD", "DEFAULT_WORKERS"]);
    expect(used.filter((variable) => !known.has(variable))).toEqual([]);
  });

  it("gives app and Inngest server the same keys, and settings that the app takes", () => {
    const { app, inngest } = compose.services;
    for (const key of ["INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY"])
      expect(inngest?.environment[key]).toBe(app?.environment[key]);
    const given = { ...APP, ...KEYS, INNGEST_BASE_URL: "http://inngest:8288" };
    expect(readEnv(given).INNGEST_BASE_URL).toBe("http://inngest:8288");
  });
});

/** Every name that server/env.ts reads, taken from its text because the schema is its own affair. */
function knownToTheApp(): Record<string, true> {
  const source = readFileSync(join(ROOT, "server/env.ts"), "utf8");
  const names = [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map((match) => match[1] ?? "");
  expect(names.length).toBeGreaterThan(20);
  return Object.fromEntries(names.map((name) => [name, true]));
}
