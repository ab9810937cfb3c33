import { execFileSync } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { copyEnvironment } from "./own-environment";

const original = process.env;
afterEach(() => {
  process.env = original;
});

test("a copied environment says the same, and children are given it with what was changed later", () => {
  const before = { ...process.env };
  copyEnvironment();
  expect({ ...process.env }).toEqual(before);
  process.env.FABRICA_SET_LATER = "yes";
  delete process.env.HOME;
  const script =
    "process.stdout.write(JSON.stringify([process.env.FABRICA_SET_LATER, process.env.HOME, process.env.PATH]))";
  const child: unknown = JSON.parse(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
  expect(child).toEqual(["yes", null, before.PATH]);
  expect(original.FABRICA_SET_LATER).toBeUndefined();
});
