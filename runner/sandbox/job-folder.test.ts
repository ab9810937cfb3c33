// Removing a jail's folders is part of the conformance suite of the sandboxes.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { canMount } from "./job-folder";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "fabrica-mount-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

test("trying whether it may mount needs no clearing away, so that a runner killed in it leaves nothing", async () => {
  // A runner that is killed does not come to unmount: here nobody can.
  const bin = join(parent, "bin");
  const jobs = join(parent, "jobs");
  mkdirSync(bin);
  mkdirSync(jobs);
  writeFileSync(join(bin, "umount"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  vi.stubEnv("PATH", `${bin}:${process.env.PATH}`);
  await canMount(jobs);
  expect(readdirSync(jobs)).toEqual([]);
  expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(jobs);
});
