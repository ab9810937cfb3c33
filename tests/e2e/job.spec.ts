// A job from the form to its delivered files, watched live and never reloaded unless a test says so.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JobEvent } from "@/server/domain/events";
import { failedStory } from "./support/stories";
import { expect, fact, fileJob, test } from "./support/test";

test.describe.configure({ timeout: 300_000 });
const COMPLETE = { timeout: 240_000 };
/** So much that it is not over before a button is found. */
const LONG = ["Posts", "Comments", "Tags", "Authors", "Search"];

test("a job is filed, watched and delivered", async ({ page }) => {
  await fileJob(page, "API REST para e-commerce", ["CRUD produtos", "Carrinho"]);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("API REST para e-commerce");
  await expect(fact(page, "State")).toHaveText(/Running|Validating/);
  await expect(page.getByRole("status").getByText("Live", { exact: true })).toBeVisible();
  const live = page.getByRole("log", { name: "Live log" });
  await expect(live.getByRole("heading", { name: /^Plan/ })).toBeVisible();
  await expect(live.getByText("planner", { exact: true })).toBeVisible();
  await expect(live.getByText("coder", { exact: true }).first()).toBeVisible();
  await expect(fact(page, "State")).toHaveText("Completed", COMPLETE);
  await expect(fact(page, "Progress")).toContainText("100 %");
  await expect(fact(page, "Cost")).toContainText("of $");

  await page.getByRole("tab", { name: /^Plan/ }).click();
  await expect(page.getByText("Done: CRUD produtos")).toBeVisible();
  await expect(page.getByText(/^Open:/)).toHaveCount(0);

  await page.getByRole("tab", { name: /^Changes/ }).click();
  await page.getByRole("button", { name: /^package\.json/ }).click();
  await expect(page.getByRole("region", { name: "package.json" })).toContainText('"name"');
  await page.getByRole("button", { name: "Show the file" }).click();
  await expect(page.getByRole("region", { name: "package.json" })).toContainText('"name"');

  await page.getByRole("tab", { name: /^Tests/ }).click();
  await expect(page.getByText("passed:").first()).toBeAttached();
  await expect(page.getByText("failed:")).toHaveCount(0);

  await page.getByRole("tab", { name: "Checks" }).click();
  await expect(page.getByText("Verification passed")).toBeVisible();

  const delivered = await page.getByRole("button", { name: /projects\/JOB-/ }).textContent();
  expect(existsSync(join((delivered ?? "").trim(), "package.json"))).toBe(true);
});

test("a reload in the middle of a job shows everything once and goes on", async ({ page }) => {
  const id = await fileJob(page, "Blog com posts e comentarios", ["Posts", "Comentarios"]);
  await expect(page.getByRole("log").getByText("coder", { exact: true }).first()).toBeVisible();
  await page.goto(`/jobs/${id}?tab=log`);
  const events = page.getByRole("list", { name: "Events" });
  await expect(events.getByText("job.created")).toBeVisible();
  await expect(fact(page, "State")).toHaveText("Completed", COMPLETE);
  await expect(events.getByRole("listitem").first()).toContainText("completed");
  const numbers = await events.locator("li button > span:first-child").allTextContents();
  const newest = Number(numbers[0]);
  expect(newest).toBeGreaterThan(20);
  expect(numbers.map(Number)).toEqual(numbers.map((_, i) => newest - i));
});

test("a cut line is taken up after the last event that came", async ({ page, seed }) => {
  const [id] = await seed([failedStory()]);
  const first = (await (await page.request.get(`/api/v1/jobs/${id}/log?limit=5`)).json()) as {
    events: JobEvent[];
  };
  const frames = first.events.map(
    (event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
  );
  const asked: (string | undefined)[] = [];
  await page.route(`**/api/v1/jobs/${id}/events`, (route) => {
    asked.push(route.request().headers()["last-event-id"]);
    if (asked.length > 1) return route.continue();
    return route.fulfill({ contentType: "text/event-stream", body: frames.join("") });
  });
  await page.goto(`/jobs/${id}?tab=log`);
  const events = page.getByRole("list", { name: "Events" });
  await expect(events.getByRole("listitem").first()).toContainText("failed");
  expect(asked.slice(0, 2)).toEqual([undefined, "5"]);
  const numbers = (await events.locator("li button > span:first-child").allTextContents()).map(Number);
  expect(numbers).toEqual(numbers.map((_, i) => numbers.length - i));
});

test("a running job is stopped and can be retried", async ({ page }) => {
  await fileJob(page, "Agregar GET /api/contabilidad/facturas/:id/pdf", LONG);
  await expect(fact(page, "State")).toHaveText("Running");
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Stop the job" }).click();
  await expect(fact(page, "State")).toHaveText("Cancelled");
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(fact(page, "Run")).toHaveText("2");
  await expect(fact(page, "State")).toHaveText("Completed", COMPLETE);
});

test("a job is paused and goes on", async ({ page }) => {
  await fileJob(page, "Biblioteca de datas", LONG);
  await expect(fact(page, "State")).toHaveText("Running");
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(fact(page, "State")).toHaveText("Paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(fact(page, "State")).toHaveText("Completed", COMPLETE);
});
