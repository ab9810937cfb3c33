// Every page in both colour schemes, on a telephone and on a desk: nothing sticks out, nothing complains.
import { failedStory, runningStory } from "./support/stories";
import { expect, test } from "./support/test";

const PAGES = ["/", "/jobs", "/jobs/new", "/queue", "/workers", "/learnings", "/costs", "/settings"];
const TABS = [
  "",
  "?tab=plan",
  "?tab=changes",
  "?tab=tests",
  "?tab=checks",
  "?tab=transcript",
  "?tab=costs",
  "?tab=log",
];
const WIDTHS = [360, 1440, 2560];
/** Compressed script of the job page's first load, in bytes. */
const SCRIPT_BUDGET = 200_000;

const LONG_TITLE = "Library catalogue with loans, returns, fines and reminders for readers who are late";

test("a running job with a long title stays within a telephone", async ({ page, seed }) => {
  await seed([{ ...runningStory(), title: LONG_TITLE }]);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/");
  const card = page.getByRole("main").getByRole("link").filter({ hasText: LONG_TITLE });
  const box = await card.boundingBox();
  expect((box?.x ?? 0) + (box?.width ?? 1_000)).toBeLessThanOrEqual(390);
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    for (const width of WIDTHS) {
      test(`fits ${width} pixels`, async ({ page, seed }) => {
        const [id] = await seed([failedStory()]);
        await page.setViewportSize({ width, height: 900 });
        for (const path of [...PAGES, ...TABS.map((tab) => `/jobs/${id}${tab}`)]) {
          await page.goto(path);
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByText("Simulation: no model key is set.").first()).toBeVisible();
          const overhang = await page.evaluate(
            () => document.body.scrollWidth - document.documentElement.clientWidth,
          );
          expect(overhang, path).toBeLessThanOrEqual(0);
        }
      });
    }
  });
}

test("the job page's script is small", async ({ page, seed }) => {
  const [id] = await seed([failedStory()]);
  const sizes: Promise<number>[] = [];
  page.on("requestfinished", (request) => {
    if (request.resourceType() === "script")
      sizes.push(request.sizes().then((size) => size.responseBodySize));
  });
  await page.goto(`/jobs/${id}`);
  await expect(page.getByRole("log").getByText("Failed", { exact: false }).first()).toBeVisible();
  const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThan(SCRIPT_BUDGET);
});

test("everything comes from this host", async ({ page, baseURL }) => {
  const foreign: string[] = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== new URL(baseURL ?? "").origin)
      foreign.push(request.url());
  });
  for (const path of [...PAGES, "/docs"]) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
  }
  expect(foreign).toEqual([]);
});

test("the icon is there under the name that browsers ask for by themselves", async ({ request }) => {
  const answer = await request.get("/favicon.ico");
  expect(answer.status()).toBe(200);
  expect(answer.headers()["content-type"]).toBe("image/svg+xml");
});
