import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { settingsReference } from "./text";

const written = settingsReference();

it("is what docs/settings.md says; else: npx tsx scripts/settings-reference.ts", () => {
  const file = join(import.meta.dirname, "../../docs/settings.md");
  expect(readFileSync(file, "utf8")).toBe(written);
});

it("says of every setting what it means, and nothing of the machine that it was made on", () => {
  const rows = written.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(90);
  for (const row of rows) expect(row).toMatch(/^\| `[A-Z_]+` \| .+ \| .{10,} \|$/);
});
