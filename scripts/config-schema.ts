/**
 * Writes public/schemas/fabrica.json from the one definition: `npx tsx scripts/config-schema.ts`.
 * The test of the definition says when the file is not current.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { projectConfig } from "../server/toolchains/project-config";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = join(root, "public/schemas/fabrica.json");
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, JSON.stringify(z.toJSONSchema(projectConfig, { io: "input" }), null, 2));
execFileSync(join(root, "node_modules/.bin/biome"), ["format", "--write", file], {
  cwd: root,
  stdio: "inherit",
});
