// Output of programs is text, whatever is in it; a flood of it does not drown the page.
import { failedStory, longStory, MARKUP } from "./support/stories";
import { expect, fact, test } from "./support/test";

const LINES = 10_000;
/** Elements that a page of this size may have; all lines drawn at once would be thirty thousand. */
const FEW = 8_000;

test("markup and control characters are shown, never obeyed", async ({ page, seed }) => {
  const [id] = await seed([failedStory()]);
  await page.goto(`/jobs/${id}`);
  await expect(fact(page, "State")).toHaveText("Failed");
  await page
    .getByRole("button", { name: /^node --test --test-reporter/ })
    .first()
    .click();
  const output = page.getByRole("region", { name: "Output" }).first();
  await expect(output).toContainText(MARKUP);
  await expect(output).toContainText("\u2401\u2407 end");
  await expect(output.getByText("✔ adds a product")).toHaveClass(/text-good/);
  await expect(output).not.toContainText("10 %");
  await expect(output).toContainText("100 %");
  await expect(output).toContainText("more characters");
  await page.getByRole("tab", { name: /^Tests/ }).click();
  await expect(page.getByText(MARKUP)).toBeVisible();
  await page.getByRole("tab", { name: /^Log/ }).click();
  await page.getByLabel("Search events").fill("window.hacked");
  await page
    .getByRole("button", { name: /command\.output/ })
    .first()
    .click();
  await expect(page.locator("pre").first()).toContainText("window.hacked");
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  await expect(page.locator("main script, main img")).toHaveCount(0);
});

test("failures come first and the plan shows what was open", async ({ page, seed }) => {
  const [id] = await seed([failedStory()]);
  await page.goto(`/jobs/${id}?tab=tests`);
  await expect(page.getByRole("tabpanel").getByRole("listitem").first()).toContainText(
    "refuses an amount of zero",
  );
  await page.getByRole("tab", { name: /^Plan/ }).click();
  await expect(page.getByText("Done: Products with prices")).toBeVisible();
  await expect(page.getByText("Open: Cart that remembers")).toBeVisible();
  await expect(page.getByRole("button", { name: "Retry" })).toBeVisible();
});

test(`${LINES} lines and 600 calls stay a small page`, async ({ page, seed }) => {
  const [id] = await seed([longStory(LINES)]);
  await page.goto(`/jobs/${id}`);
  await expect(page.getByRole("button", { name: /^Show \d+ earlier$/ })).toBeVisible();
  await page.getByRole("button", { name: /^npm test/ }).click();
  const output = page.getByRole("region", { name: "Output" });
  await expect(output).toContainText(`line ${LINES} of the run`);
  expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(FEW);
  await output.getByRole("button", { name: /earlier lines/ }).click();
  await expect(output).toContainText(`line ${LINES - 2_000} of the run`);
});
