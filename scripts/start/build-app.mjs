// Makes what is derived from the sources: the Prisma client, the bundles of our processes, the web app.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { hashFiles } from "./hash-files.mjs";
import { ROOT } from "./root.mjs";
import { runProgram, step } from "./run-program.mjs";
import { isFresh, stamp } from "./stamps.mjs";

const BUNDLED = ["cli", "runner", "inngest", "server", "prisma/migrate.ts"];
const BUNDLE_RULES = ["package-lock.json", "scripts/build.mjs"];
const WEB = ["app", "components", "server", "inngest", "public", "prisma", "proxy.ts", "instrumentation.ts"];
const WEB_RULES = [
  "package-lock.json",
  "tsconfig.json",
  "next.config.ts",
  "next.config.mjs",
  "postcss.config.mjs",
];

const isSource = (path) => !/\.test\.tsx?$/.test(path);

async function make(name, title, hash, output, work) {
  if (isFresh(name, hash) && existsSync(join(ROOT, output))) return;
  await step(title, work);
  stamp(name, hash);
}

const node = (args, options) => runProgram(process.execPath, args, options);

/** Generates the Prisma client when the schema changed. */
export async function ensureClient() {
  const hash = hashFiles(["prisma/schema.prisma", "prisma.config.ts", "package-lock.json"]);
  await make("client", "Generating the database client", hash, "server/generated/prisma", () =>
    node(["node_modules/prisma/build/index.js", "generate"], {
      title: "prisma generate",
      env: { CHECKPOINT_DISABLE: "1", PRISMA_HIDE_UPDATE_MESSAGE: "1" },
    }),
  );
}

/** Bundles launcher, engine, runner and supervisor when their sources changed. */
export async function ensureBundles() {
  const hash = hashFiles([...BUNDLED, ...BUNDLE_RULES], isSource);
  await make("bundles", "Bundling launcher, engine and runner", hash, "dist/fabrica.mjs", () =>
    node(["scripts/build.mjs", "--bundles"], { title: "Bundling" }),
  );
}

/** Builds the web app when its sources changed. */
export async function ensureWebApp() {
  const hash = hashFiles([...WEB, ...WEB_RULES], isSource);
  await make("web", "Building the web app", hash, ".next/BUILD_ID", () =>
    node(["scripts/build.mjs", "--web"], { title: "Building the web app" }),
  );
}
