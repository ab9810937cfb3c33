#!/usr/bin/env node
import { memoryCommand } from "./commands/memory";
import { ralphCommand } from "./commands/ralph";
import { REMOTE_COMMANDS, remoteCommand } from "./commands/remote";
/**
 * The `fabrica` command: which word does what, and one plain sentence when something is wrong.
 */
import { demoCommand, initDbCommand, migrateCommand, setupCommand, upCommand } from "./commands/start";
import { loadDotEnv } from "./env";
import { findRoot } from "./launcher/reachable";
import { LauncherError } from "./launcher-error";

const HELP = `fabrica: a self-hosted software factory

On this machine
  up [--workers N] [--only app|runner]      start it and keep it running
  demo ["what to build"] [--stack node|python] [--exit]
                                            start it and watch one job
  dev                                       start it from the sources, reloading on change
  migrate                                   bring the database up to date
  init-db [--seed]                          migrate, create the first admin, add example jobs
  setup                                     make everything the first start would make
  ralph [--command "…"] [--server URL] [--token …] [--driver bubblewrap|docker] [--slots N] [--tools DIR]
                                            host an external agent (Claude Code, or any command) for jobs that ask
                                            for one: docs/external-agents.md

Over the API (FABRICA_URL; FABRICA_TOKEN, or FABRICA_USER and FABRICA_PASSWORD); --json prints raw answers
  jobs list [--state S] [--search TEXT] [--limit N]
  jobs show JOB-ID
  jobs cancel JOB-ID
  queue
  workers
  health
  memory import FOLDER [--project NAME] [--stack LIST]
                                            learnings out of Markdown files: docs/memory.md
  memory search WORDS [--project NAME] [--stack NAME] [--limit N]
`;

const EXIT_USAGE = 2;

async function run([name, ...args]: string[]): Promise<number> {
  if (!name || name === "help" || name === "--help" || name === "-h" || args.includes("--help")) {
    console.log(HELP);
    return name ? 0 : EXIT_USAGE;
  }
  const root = findRoot();
  loadDotEnv(root);
  if (REMOTE_COMMANDS.includes(name)) return remoteCommand(name, args);
  switch (name) {
    case "memory":
      return memoryCommand(args);
    case "up":
      return upCommand(root, args);
    case "dev":
      return upCommand(root, args, true);
    case "demo":
      return demoCommand(root, args);
    case "migrate":
      return migrateCommand(root);
    case "init-db":
      return initDbCommand(root, args);
    case "ralph":
      return ralphCommand(root, args);
    case "setup":
      return setupCommand(root);
    default:
      console.error(`There is no command "${name}". \`fabrica --help\` lists them.`);
      return EXIT_USAGE;
  }
}

/** Turns what went wrong into what a person reads; only real surprises show where they happened. */
function explain(error: unknown): string {
  if (error instanceof LauncherError) return [error.problem, error.remedy].filter(Boolean).join("\n");
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === "ENOSPC") return "The disk is full.\nFree some space and start again.";
  if (code?.startsWith("ERR_PARSE_ARGS"))
    return `${(error as Error).message}\n\`fabrica --help\` lists the options.`;
  if (error instanceof Error && error.message.startsWith("stopped by ")) return "Stopped.";
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

run(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`\n${explain(error)}\n`);
    process.exit(1);
  },
);
