// Jobs, queue, workers and the palette.
import { failedStory, waitingStory } from "./support/stories";
import { expect, test } from "./support/test";

test("jobs are filtered by words and state, in the address", async ({ page, seed }) => {
  await seed([failedStory(), waitingStory("Ledger of the harbour", "cancelled")]);
  await page.goto("/jobs");
  await page.getByLabel("Search jobs").fill("harbour");
  await expect(page).toHaveURL(/q=harbour/);
  await expect(page.getByRole("list", { name: "Jobs" }).getByRole("listitem")).toHaveCount(1);
  await page.getByLabel("State").selectOption("failed");
  await expect(page).toHaveURL(/state=failed/);
  await expect(page.getByText("No job matches")).toBeVisible();
  await page.getByRole("link", { name: "Show all jobs" }).click();
  await expect(page.getByText("Ledger of the harbour").first()).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel("Search jobs")).toHaveValue("harbour");
});

test("words that are typed before the page's script runs are searched, too", async ({ page, seed }) => {
  await seed([waitingStory("Ledger of the harbour", "cancelled")]);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/_next/static/**/*.js", async (route) => {
    await released;
    await route.continue();
  });
  await page.goto("/jobs", { waitUntil: "commit" });
  await page.getByLabel("Search jobs").fill("harbour");
  release();
  await expect(page).toHaveURL(/q=harbour/);
});

test("the queue says why a job waits; priority and cancelling", async ({ page, seed }) => {
  await seed([waitingStory("Waits for money", "pending", "waits for the day's budget")]);
  await page.goto("/queue");
  const row = page
    .getByRole("list", { name: "Queue" })
    .getByRole("listitem")
    .filter({ hasText: "Waits for money" });
  await expect(row).toContainText("waits for the day's budget");
  await row.getByLabel("Priority of Waits for money").selectOption("critical");
  await expect(page.getByText("Priority set to critical.")).toBeVisible();
  await page.reload();
  await expect(row.getByLabel("Priority of Waits for money")).toHaveValue("critical");
  await row.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await expect(row).toHaveCount(0);
});

test("workers show their driver, probe and how to add another", async ({ page }) => {
  await page.goto("/workers");
  await expect(page.getByText(/^worker-/).first()).toBeVisible();
  await expect(page.getByText(/^(docker|bubblewrap)$/).first()).toBeVisible();
  await page
    .getByText(/^Probe: \d+ of \d+ limits hold$/)
    .first()
    .click();
  await expect(page.getByText("node 20", { exact: false }).first()).toBeVisible();
  await expect(page.locator("pre")).toContainText("npm start -- --only runner");
});

test("a worker is drained and taken back into service", async ({ page }) => {
  await page.goto("/workers");
  const worker = page
    .getByRole("listitem")
    .filter({ hasText: /worker-/ })
    .first();
  await worker.getByRole("button", { name: "Drain" }).click();
  await expect(worker.getByText("Draining")).toBeVisible();
  await worker.getByRole("button", { name: "Resume" }).click();
  await expect(worker.getByRole("button", { name: "Drain" })).toBeVisible();
  await expect(worker.getByText("Draining")).toHaveCount(0);
});

test("the palette reaches pages and jobs by keyboard", async ({ page, seed }) => {
  await seed([waitingStory("Lighthouse keeper", "cancelled")]);
  await page.goto("/settings");
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("lighthouse");
  await expect(page.getByRole("option", { name: /Lighthouse keeper/ })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Lighthouse keeper");
  await page.getByRole("tab", { name: "Live" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/tab=plan/);
});
