// Builds everything that runs from dist/ and .next/: `--bundles` or `--web` builds only that part.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Bundles of our own processes. Packages stay outside, but for the supervisor, which lives alone in a sandbox. */
const BUNDLES = [
  { entry: "cli/main.ts", output: "dist/fabrica.mjs" },
  { entry: "cli/leash.ts", output: "dist/leash.mjs" },
  { entry: "server/web-server.ts", output: "dist/app.mjs" },
  { entry: "inngest/embedded/main.ts", output: "dist/engine.mjs" },
  { entry: "runner/main.ts", output: "dist/runner.mjs" },
  { entry: "runner/external/main.ts", output: "dist/ralph.mjs" },
  { entry: "server/workspaces/program-host.ts", output: "dist/program-host.mjs" },
  { entry: "runner/supervisor/main.ts", output: "dist/supervisor.cjs", alone: true },
];

const only = process.argv.slice(2);
const wants = (part) => only.length === 0 || only.includes(part);

async function bundle({ entry, output, alone }) {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: "node",
    target: "node20",
    format: alone ? "cjs" : "esm",
    packages: alone ? "bundle" : "external",
    alias: { "@": ROOT },
    sourcemap: alone ? false : "linked",
    logLevel: "error",
  });
}

if (wants("--bundles")) await Promise.all(BUNDLES.map(bundle));
if (wants("--web")) {
  const next = join(ROOT, "node_modules", "next", "dist", "bin", "next");
  const env = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
  const { status } = spawnSync(process.execPath, [next, "build"], { cwd: ROOT, stdio: "inherit", env });
  process.exit(status ?? 1);
}
