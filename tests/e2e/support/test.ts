// What every test of the pages gets: a signed-in page, a way to write jobs, and a watch over the console.
import { join } from "node:path";
import { type BrowserContext, test as base, expect, type Page } from "@playwright/test";
import { startEmbeddedPostgres } from "@/cli/launcher/embedded-postgres";
import { seedJobs } from "./seed-jobs";
import type { Story } from "./stories";

interface Fixtures {
  /** Parts of console errors that a test causes on purpose. */
  expectedErrors: string[];
  /** Fails the test when a page reported an error that was not expected. */
  quietConsole: undefined;
  /** A page without a session. */
  stranger: Page;
}

interface WorkerFixtures {
  /** Cookies of the admin, got once by signing in on the page. */
  session: Awaited<ReturnType<BrowserContext["storageState"]>>;
  /** Where the factory's database is. */
  databaseUrl: string;
  /** Writes jobs into the factory's database; answers their ids. */
  seed: (stories: readonly Story[]) => Promise<string[]>;
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the factory of the tests has not been started.`);
  return value;
}

/** Fills in the sign-in form. */
export async function signIn(
  page: Page,
  password = setting("E2E_PASSWORD"),
  username = setting("E2E_USERNAME"),
): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("Username or e-mail").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Files a job in the form and waits for its page. */
export async function fileJob(page: Page, request: string, features: string[] = []): Promise<string> {
  await page.goto("/jobs/new");
  await page.getByLabel("Request").fill(request);
  await page.getByLabel("Features").fill(features.join("\n"));
  await page.getByRole("button", { name: "File the job" }).click();
  await page.waitForURL(/\/jobs\/JOB-[\w-]+$/);
  return page.url().split("/").at(-1) ?? "";
}

/** The value of a fact in the header of a job. */
export function fact(page: Page, label: string) {
  return page
    .locator("[data-job-header] dl > div", { has: page.getByText(label, { exact: true }) })
    .locator("dd");
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  session: [
    async ({ browser }, use) => {
      const context = await browser.newContext({ baseURL: setting("E2E_URL") });
      const page = await context.newPage();
      await signIn(page);
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      const state = await context.storageState();
      await context.close();
      await use(state);
    },
    { scope: "worker" },
  ],
  databaseUrl: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of what a fixture needs
    async ({}, use) => {
      // The factory's own server is found running and is left so.
      const { url } = await startEmbeddedPostgres({ dataDir: join(setting("E2E_DATA_DIR"), "postgres") });
      await use(url);
    },
    { scope: "worker" },
  ],
  seed: [({ databaseUrl }, use) => use((stories) => seedJobs(databaseUrl, stories)), { scope: "worker" }],
  storageState: ({ session }, use) => use(session),
  expectedErrors: [[], { option: true }],
  stranger: async ({ browser }, use) => {
    const context = await browser.newContext({ storageState: { cookies: [], origins: [] } });
    await use(await context.newPage());
    await context.close();
  },
  quietConsole: [
    async ({ page, expectedErrors }, use) => {
      const errors: string[] = [];
      page.on("console", (message) => {
        // Chromium says "failed to load resource" and leaves out which one.
        if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
      });
      page.on("pageerror", (error) => errors.push(error.message));
      await use(undefined);
      const surprising = errors.filter((error) => !expectedErrors.some((part) => error.includes(part)));
      expect(surprising).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
