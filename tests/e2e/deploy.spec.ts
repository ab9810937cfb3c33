import { failedStory } from "./support/stories";
import { expect, fact, test } from "./support/test";

const OFTEN = { timeout: 100_000 };

test("a deploy bundle is chosen in the form; the job shows for what, how it was checked, and its files", async ({
  page,
}) => {
  await page.goto("/jobs/new");
  await page.getByLabel("Request").fill("Math library");
  await page.getByLabel("Features").fill("Fibonacci");
  await page.getByText("More settings").click();
  const choice = page.getByRole("group", { name: "Deploy bundle" });
  await choice.getByRole("checkbox", { name: "systemd" }).check();
  await choice.getByRole("checkbox", { name: "Docker Compose" }).check();
  await choice.getByRole("checkbox", { name: "Docker Compose" }).uncheck();
  await page.getByRole("button", { name: "File the job" }).click();
  await page.waitForURL(/\/jobs\/JOB-[\w-]+$/);
  await expect(fact(page, "Deploy bundle")).toHaveText("systemd");
  await expect(fact(page, "State")).toHaveText("Completed", OFTEN);

  await page.goto(`${page.url()}?tab=checks`);
  await expect(page.getByText("Deploy bundle passed").first()).toBeVisible();
  await expect(page.getByText("never run").first()).toBeVisible();
  await page.goto(page.url().replace("checks", "changes"));
  await expect(page.getByText("health-check.sh").first()).toBeVisible();
});

test("a job without one says nothing about it", async ({ page, seed }) => {
  const [id] = await seed([failedStory()]);
  await page.goto(`/jobs/${id}`);
  await expect(fact(page, "State")).toBeVisible();
  await expect(fact(page, "Deploy bundle")).toHaveCount(0);
});
