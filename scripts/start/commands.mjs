// The commands of scripts/start.mjs: set up what is missing, then hand over to the launcher in this very process.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBundles, ensureClient, ensureWebApp } from "./build-app.mjs";
import { ensureNpmPackages } from "./npm-packages.mjs";
import { ROOT } from "./root.mjs";
import { SetupError } from "./setup-error.mjs";
import { ensureSystemPackages } from "./system-packages.mjs";

const COMMANDS = {
  demo: { web: true, needs: "run" },
  up: { web: true, needs: "run" },
  setup: { web: true, needs: "run" },
  dev: { web: false, needs: "run" },
  migrate: { web: false, needs: null },
  "init-db": { web: true, needs: "run" },
  test: { web: true, needs: "test" },
};

/** Runs one command with its arguments; returns when the launcher has taken over. */
export async function run([name, ...args]) {
  const command = COMMANDS[name];
  if (!command) {
    throw new SetupError(
      name ? `There is no command "${name}".` : "Which command?",
      `Choose one of: ${Object.keys(COMMANDS).join(", ")}. See README.md.`,
    );
  }
  const mayInstall = !args.includes("--no-install");
  const rest = args.filter((arg) => arg !== "--no-install" && arg !== "--");
  const onlyRunner = rest.join(" ").match(/--only[= ]runner/) !== null;
  await prepare(command, mayInstall, onlyRunner);
  if (name === "test") {
    const { runTests } = await import("../test.mjs");
    process.exitCode = await runTests(rest);
    return;
  }
  await handOver(name, rest);
}

async function prepare({ web, needs }, mayInstall, onlyRunner) {
  if (needs) await ensureSystemPackages(needs, mayInstall);
  await ensureNpmPackages();
  await ensureClient();
  await ensureBundles();
  if (web && !onlyRunner) await ensureWebApp();
}

/** No second process: signals, exit code and terminal then belong to the launcher without any forwarding. */
async function handOver(name, args) {
  const launcher = join(ROOT, "dist", "fabrica.mjs");
  process.argv = [process.execPath, launcher, name, ...args];
  await import(pathToFileURL(launcher).href);
}
