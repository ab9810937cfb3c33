import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);

// Chosen once by the first process; the workers load this file again and inherit it.
process.env.E2E_PORT ??= execFileSync(process.execPath, [
  "-e",
  'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })',
])
  .toString()
  .trim();

export default defineConfig({
  testDir: "tests/e2e",
  outputDir: "test-results",
  globalSetup: "./tests/support/e2e-server.ts",
  // One factory serves all tests; they see each other's jobs and must not disturb each other's waiting.
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: {
    baseURL: `http://127.0.0.1:${process.env.E2E_PORT}`,
    browserName: "chromium",
    launchOptions: {
      executablePath: CHROMIUM,
      // Root cannot use Chromium's own sandbox; the pages under test are ours.
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
  },
});
