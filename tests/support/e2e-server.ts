/**
 * Starts one whole factory for the end-to-end tests, with an empty data folder, as a user would: `fabrica up`.
 * Sets E2E_URL, E2E_USERNAME, E2E_PASSWORD and E2E_DATA_DIR for the tests; stops it and removes the folder after.
 * Beside it stands a git server that the factory may reach, with one empty repository: E2E_GIT_URL is its address,
 * E2E_GIT_DIR where it lies, E2E_GIT_TOKEN what `robot` may push with.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GitServer } from "./git-server";

const START_LIMIT_MS = 120_000;
const GIT_TOKEN = "canary-token-of-the-robot";
const READY = "Stop with Ctrl-C.";

function begin(dataDir: string, remotes: string): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "../../dist/fabrica.mjs"), "up"], {
    env: {
      ...process.env,
      DATA_DIR: dataDir,
      PORT: process.env.E2E_PORT,
      HOST: "127.0.0.1",
      GIT_REMOTES: remotes,
      // Many pages are opened within a minute by one address.
      RATE_LIMIT_REQUESTS: "10000",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const late = setTimeout(
      () => reject(new Error(`Fabrica did not become ready:\n${output}`)),
      START_LIMIT_MS,
    );
    const read = (chunk: Buffer) => {
      output = (output + chunk).slice(-20_000);
      if (output.includes(READY)) {
        clearTimeout(late);
        resolve();
      }
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", (code) => {
      clearTimeout(late);
      reject(new Error(`Fabrica ended with ${code}:\n${output}`));
    });
  });
}

async function stop(child: ChildProcess, git: GitServer, dataDir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  await git.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

/** Called by Playwright once before all tests; what it returns is called once after them. */
export default async function start(): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), "fabrica-e2e-"));
  chmodSync(dataDir, 0o711);
  const git = await GitServer.start({ credentials: { username: "robot", password: GIT_TOKEN } });
  const child = begin(dataDir, git.origin);
  try {
    await untilReady(child);
    const credentials = join(dataDir, "demo-credentials.json");
    if (!existsSync(credentials)) throw new Error("The first admin was not created.");
    const { username, password } = JSON.parse(readFileSync(credentials, "utf8"));
    Object.assign(process.env, {
      E2E_URL: `http://127.0.0.1:${process.env.E2E_PORT}`,
      E2E_USERNAME: username,
      E2E_PASSWORD: password,
      E2E_DATA_DIR: dataDir,
      E2E_GIT_URL: git.url("sums"),
      E2E_GIT_DIR: git.create("sums").dir,
      E2E_GIT_TOKEN: GIT_TOKEN,
    });
  } catch (error) {
    await stop(child, git, dataDir);
    throw error;
  }
  return () => stop(child, git, dataDir);
}
