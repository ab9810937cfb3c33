import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { clearBeside, writeBeside } from "./write-beside";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fabrica-beside-"));
});

afterEach(() => rm(root, { recursive: true, force: true }));

/** What a process that is killed while it writes leaves behind. */
async function killedTry(path: string): Promise<void> {
  let begun: () => void;
  const written = new Promise<void>((resolve) => {
    begun = resolve;
  });
  void writeBeside(path, async (beside) => {
    await mkdir(beside);
    await writeFile(join(beside, "half"), "");
    begun();
    return new Promise(() => undefined);
  });
  await written;
}

it("lets a thing appear when it is whole, and takes the halves of killed tries along", async () => {
  const path = join(root, "deep", "thing");
  await killedTry(path);
  await killedTry(path);
  await killedTry(join(root, "deep", "other"));
  const made = await writeBeside(path, async (beside) => {
    expect(await readdir(join(root, "deep"))).not.toContain("thing");
    await writeFile(beside, "whole");
    return 7;
  });
  expect(made).toBe(7);
  expect(await readFile(path, "utf8")).toBe("whole");
  expect(await readdir(join(root, "deep"))).toEqual([".other.new", "thing"]);
  await clearBeside(join(root, "deep", "other"));
  expect(await readdir(join(root, "deep"))).toEqual(["thing"]);
});

it("leaves nothing of a try that fails", async () => {
  const path = join(root, "thing");
  const failing = writeBeside(path, async (beside) => {
    await writeFile(beside, "half");
    throw new Error("no more");
  });
  await expect(failing).rejects.toThrow("no more");
  expect(await readdir(root)).toEqual([]);
});
