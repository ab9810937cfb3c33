import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readEnv } from "@/server/env";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-seal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const settings = (key?: string) => ({
  DATABASE_URL: "postgres://127.0.0.1/none",
  DATA_DIR: folder,
  FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
  FABRICA_SECRETS_KEY: key ?? "",
});

/** The modules as a new process has them, with this key in its environment. */
async function startedWith(key?: string) {
  vi.resetModules();
  Object.assign(process.env, settings(key));
  const { sealSecret, openSecret } = await import("./seal");
  const { secretsKeys, makeKey } = await import("./secrets-key");
  return { sealSecret, openSecret, secretsKeys, makeKey };
}

const HEX = "00112233445566778899aabbccddeeff".repeat(2);
const BASE64 = Buffer.from(HEX, "hex").toString("base64");
const ABOUT = ["token", "1", "2"];
const keyFile = () => join(folder, "secrets.key");

describe("a sealed secret", () => {
  test("opens for what it was sealed about and shows nothing of itself", async () => {
    const { sealSecret, openSecret } = await startedWith();
    const sealed = await sealSecret("the token: né 🔑", ABOUT);
    expect(Buffer.from(sealed).toString("latin1")).not.toContain("the token");
    expect(await openSecret(sealed, ABOUT)).toBe("the token: né 🔑");
    expect(Buffer.from(await sealSecret("the token: né 🔑", ABOUT)).equals(Buffer.from(sealed))).toBe(false);
  });

  test.each([
    ["another row", ["token", "1", "3"]],
    ["another team", ["token", "2", "2"]],
    ["another kind", ["hook", "1", "2"]],
    ["parts that join to the same", ["token", "12"]],
    ["nothing", []],
  ])("does not open for %s", async (_name, about) => {
    const { sealSecret, openSecret } = await startedWith();
    const sealed = await sealSecret("the token", ABOUT);
    await expect(openSecret(sealed, about)).rejects.toThrow("cannot be opened");
  });

  test("does not open when any byte of it was changed, taken away or added", async () => {
    const { sealSecret, openSecret } = await startedWith();
    const sealed = await sealSecret("the token", ABOUT);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(openSecret(changed, ABOUT), `byte ${at}`).rejects.toThrow("cannot be opened");
      await expect(openSecret(sealed.slice(0, at), ABOUT), `cut at ${at}`).rejects.toThrow(
        "cannot be opened",
      );
    }
    await expect(openSecret(Uint8Array.from([...sealed, 0]), ABOUT)).rejects.toThrow("cannot be opened");
  });
});

describe("the key", () => {
  test("is made once, for its owner only, however many ask at the same moment", async () => {
    const { secretsKeys } = await startedWith();
    const keys = await Promise.all(Array.from({ length: 50 }, () => secretsKeys()));
    expect(new Set(keys.map(([key]) => key.toString("hex"))).size).toBe(1);
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["secrets.key"]);
  });

  test("is that of whoever was quicker, and is not replaced", async () => {
    const { makeKey } = await startedWith();
    writeFileSync(keyFile(), `${HEX}\n`, { mode: 0o600 });
    expect((await makeKey(folder)).toString("hex")).toBe(HEX);
    expect(readFileSync(keyFile(), "utf8")).toBe(`${HEX}\n`);
    expect(readdirSync(folder)).toEqual(["secrets.key"]);
  });

  test("is the same for processes that start at the same moment", async () => {
    const script =
      'import("./server/services/secrets/secrets-key.ts").then(async ({ secretsKeys }) => ' +
      'process.stdout.write((await secretsKeys())[0].toString("hex")))';
    const told = await Promise.all(
      Array.from({ length: 3 }, () => run(["--import", "tsx", "--eval", script], settings())),
    );
    expect(new Set(told)).toEqual(new Set([readFileSync(keyFile(), "utf8").trim()]));
  });

  test.each([HEX, HEX.toUpperCase(), BASE64, BASE64.replace("=", "")])(
    "of the environment may be %s and is not written down",
    async (key) => {
      const { secretsKeys } = await startedWith(key);
      expect((await secretsKeys()).map((found) => found.toString("hex"))).toEqual([HEX]);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test.each([
    ["too short", HEX.slice(2)],
    ["too long", `${HEX}00`],
    ["not hex", `${HEX.slice(1)}x`],
    ["a sentence", "correct horse battery staple correct horse!!"],
    ["48 bytes", "A".repeat(64).replace(/A$/, "z")],
  ])("of the environment is refused at the start when it is %s, without being told", (_name, key) => {
    let said = "";
    try {
      readEnv(settings(key));
    } catch (error) {
      said = String(error);
    }
    expect(said).toContain("FABRICA_SECRETS_KEY: must be 32 bytes in hex or base64");
    expect(said).not.toContain(key);
  });

  test("of the environment opens what was sealed before with that of the data folder", async () => {
    const before = await startedWith();
    const old = await before.sealSecret("the token", ABOUT);
    const after = await startedWith(HEX);
    expect(await after.openSecret(old, ABOUT)).toBe("the token");
    const young = await after.sealSecret("the token", ABOUT);
    const back = await startedWith();
    await expect(back.openSecret(young, ABOUT)).rejects.toThrow("cannot be opened");
  });

  test("that was lost leaves secrets that do not open", async () => {
    const { sealSecret, openSecret } = await startedWith();
    const sealed = await sealSecret("the token", ABOUT);
    rmSync(keyFile());
    await expect(openSecret(sealed, ABOUT)).rejects.toThrow("cannot be opened");
  });

  test.each(["", "x", `${HEX}00`, "\u0000"])("file with %j is refused and left as it is", async (text) => {
    const { sealSecret } = await startedWith();
    writeFileSync(keyFile(), text);
    chmodSync(keyFile(), 0o600);
    await expect(sealSecret("the token", ABOUT)).rejects.toMatchObject({
      code: "unavailable",
      message: "The file secrets.key in the data folder is not a key; restore it from a backup.",
    });
    expect(readFileSync(keyFile(), "utf8")).toBe(text);
  });
});

function run(args: string[], environment: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH ?? "", NODE_ENV: "test", ...environment },
    });
    let out = "";
    let said = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(said))));
  });
}
