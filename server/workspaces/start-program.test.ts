// Programs started here and by the helper process must not differ.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processWide } from "../process-wide";
import { type Program, type ProgramRequest, startProgram as startHere } from "./program";
import { openProgramHost, startProgram } from "./start-program";

const folder = mkdtempSync(join(tmpdir(), "fabrica-programs-"));
const here = processWide<{ host?: { pid: number | undefined } }>("program-host", () => ({}));

const sh = (script: string, more: Partial<ProgramRequest> = {}): ProgramRequest => ({
  file: "/bin/sh",
  args: ["-c", script],
  env: { PATH: "/usr/bin:/bin" },
  ...more,
});

async function read(program: Program): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of program.stdout ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

beforeAll(async () => {
  const outfile = join(folder, "program-host.mjs");
  const entryPoints = [join(import.meta.dirname, "program-host.ts")];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", target: "node20" });
  openProgramHost(outfile);
});

afterAll(() => {
  const pid = here.host?.pid;
  if (pid) process.kill(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

it("has a helper of its own", async () => {
  const parent = async (program: Program) => Number(await read(program));
  expect(await parent(startHere(sh("echo $PPID")))).toBe(process.pid);
  expect(await parent(startProgram(sh("echo $PPID")))).toBe(here.host?.pid);
});

describe.each([
  ["here", startHere],
  ["by the helper", startProgram],
] as const)("a program started %s", (where, start) => {
  it("gets its input and tells its output, its errors and its exit code", async () => {
    const program = start(sh("cat; echo wrong >&2; exit 3", { input: "olá" }));
    expect(await read(program)).toBe("olá");
    const end = await program.ended;
    expect({ ...end, stderr: String(end.stderr) }).toEqual({
      started: true,
      code: 3,
      signal: null,
      stderr: "wrong\n",
    });
  });

  it("sees nothing of our environment", async () => {
    const names = (await read(start(sh("env")))).split("\n").map((line) => line.split("=")[0]);
    expect(names.filter((name) => name && !["PATH", "PWD", "SHLVL", "_", "OLDPWD"].includes(name))).toEqual(
      [],
    );
  });

  it("reads from a file and writes to a new one", async () => {
    const inputFile = join(folder, `${where}-in`);
    const outputFile = join(folder, `${where}-out`);
    writeFileSync(inputFile, "from a file");
    const program = start(sh("cat", { inputFile, outputFile }));
    expect(program.stdout).toBeNull();
    expect((await program.ended).code).toBe(0);
    expect(readFileSync(outputFile, "utf8")).toBe("from a file");
  });

  it("says when it cannot be started", async () => {
    expect((await start(sh("", { file: "/nonexistent" })).ended).started).toBe(false);
  });

  it("gives all of a large output, to a slow reader as well", async () => {
    const program = start(sh("head -c 20000000 /dev/zero"));
    let size = 0;
    for await (const chunk of program.stdout ?? []) {
      size += (chunk as Buffer).length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(size).toBe(20_000_000);
    expect((await program.ended).code).toBe(0);
  });

  it("is killed with everything that it started, also in the middle of its output", async () => {
    const program = start(sh("yes & yes"));
    const output = program.stdout?.[Symbol.asyncIterator]();
    await output?.next();
    program.kill();
    program.stdout?.destroy();
    expect(await program.ended).toMatchObject({ started: true, signal: "SIGKILL" });
  });
});

it("ends what the helper was doing when the helper is lost, and goes on without it", async () => {
  const program = startProgram(sh("sleep 30"));
  process.kill(here.host?.pid ?? 0, "SIGKILL");
  expect(await program.ended).toMatchObject({ signal: "SIGKILL" });
  expect((await read(startProgram(sh("echo still here")))).trim()).toBe("still here");
});
