// What agents were asked and answered, on the page of their job.
import { readFileSync } from "node:fs";
import { expect, fileJob, test } from "./support/test";
import { expiredStory, LONG_RUN, LONG_TURNS, transcriptStory } from "./support/transcripts";

const addressOf = (id: string | undefined, more = "") => `/jobs/${id}?tab=transcript${more}`;
const AGENT = `&run=1&agent=${encodeURIComponent(LONG_RUN)}`;

test("agents are listed with how they came out; one is read turn by turn", async ({ page, seed }) => {
  const [id] = await seed([transcriptStory()]);
  await page.goto(`/jobs/${id}`);
  await page.getByRole("tab", { name: "Transcript" }).click();
  const agents = page.getByRole("list", { name: "Agents" }).getByRole("listitem");
  await expect(agents).toHaveCount(3);
  await expect(agents.nth(0)).toContainText("2 tasks");
  await expect(agents.nth(1)).toContainText(`${LONG_TURNS} turns`);
  await expect(agents.nth(2)).toContainText("asked for changes: 1 finding");

  await agents.nth(1).getByRole("link").click();
  await expect(page).toHaveURL(/agent=task-1%2Fcoder/);
  const transcript = page.getByRole("article", { name: `Transcript of ${LONG_RUN}` });
  await expect(transcript.getByText("A cart that remembers.")).toBeVisible();
  await expect(page.getByText("You build software in small steps.")).toHaveCount(0);
  await transcript.getByRole("button", { name: /^System prompt/ }).click();
  await expect(page.getByText("You build software in small steps.")).toBeVisible();

  const first = transcript.getByRole("region", { name: "Turn 1", exact: true });
  await expect(first).toContainText("2,100 tokens in, 900 of them cached");
  await expect(first).toContainText("Keep the cart per visitor.");
  await expect(first).toContainText("You did the same four times.");
  await expect(first.getByText("A map from product to amount")).toHaveCount(0);
  await first.getByRole("button", { name: /^Thinking/ }).click();
  await expect(first.getByText("A map from product to amount is enough.")).toBeVisible();
  await first.getByRole("button", { name: /^write src\/cart\.js/ }).click();
  await expect(first.getByText("export const cart = new Map();")).toBeVisible();
  await expect(first.getByText("1 line written")).toBeVisible();
  await first.getByRole("button", { name: /^run node --check/ }).click();
  await expect(first.getByText("SyntaxError: Unexpected token")).toBeVisible();
  const second = transcript.getByRole("region", { name: "Turn 2", exact: true });
  await expect(second).toContainText("The model gave no answer (overloaded); asked again after 4.0 s");
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
});

test("a turn has an address, and turns that nobody looks at are not fetched", async ({ page, seed }) => {
  const [id] = await seed([transcriptStory()]);
  const fetched: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("transcripts.turns")) fetched.push(decodeURIComponent(request.url()));
  });
  await page.goto(addressOf(id, AGENT));
  await expect(page.getByRole("region", { name: "Turn 20", exact: true })).toBeAttached();
  expect(fetched.filter((url) => url.includes('"cursor":60'))).toEqual([]);

  await page.goto(addressOf(id, `${AGENT}&turn=63`));
  const wanted = page.getByRole("region", { name: "Turn 63", exact: true });
  await expect(wanted).toBeInViewport();
  await expect(wanted.getByText("export const part = 63;")).toBeVisible();
  await expect(page.getByRole("region", { name: "Turn 1", exact: true })).not.toBeInViewport();

  await page.goto(addressOf(id, `${AGENT}&turn=900`));
  await expect(
    page.getByText(`This agent has no turn 900: it ended after ${LONG_TURNS} turns.`),
  ).toBeVisible();
});

test("the timeline and the Live tab lead there, and back leads back", async ({ page, seed }) => {
  const [id] = await seed([transcriptStory()]);
  await page.goto(`/jobs/${id}`);
  await page.getByRole("link", { name: `Transcript of ${LONG_RUN}` }).click();
  await expect(page.getByRole("article", { name: `Transcript of ${LONG_RUN}` })).toBeVisible();
  await expect(page.getByRole("tab", { name: "Transcript" })).toHaveAttribute("aria-selected", "true");
  await page.goBack();
  await expect(page.getByRole("log", { name: "Live log" })).toBeVisible();
  await page.getByRole("button", { name: /src\/cart\.js/ }).click();
  await page.getByRole("link", { name: "Turn 1 in the transcript" }).click();
  await expect(page).toHaveURL(/turn=1$/);
  await page.goBack();
  await page.getByRole("complementary", { name: "Timeline" }).getByRole("link", { name: /^Plan/ }).click();
  await expect(page.getByRole("article", { name: "Transcript of plan" })).toBeVisible();
  await page.getByRole("link", { name: "All agents" }).click();
  await expect(page.getByRole("list", { name: "Agents" })).toBeVisible();
  await page.getByRole("tab", { name: "Live" }).click();
  await expect(page).toHaveURL(/\/jobs\/JOB-[\w-]+$/);
});

test("the whole of it is a file of JSON lines", async ({ page, seed }) => {
  const [id] = await seed([transcriptStory()]);
  await page.goto(addressOf(id));
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Export as JSON lines" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`${id}.transcript.jsonl`);
  const lines = readFileSync(await download.path(), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ type: "transcript", job_id: id });
  expect(lines.at(-1)).toMatchObject({ type: "end", agent_runs: 3, turns: LONG_TURNS + 2 });
});

test.describe("what is not there", () => {
  test.use({ expectedErrors: ["404"] });

  test("is said: an expired transcript, an agent that never was, a job without agents", async ({
    page,
    seed,
  }) => {
    const [expired] = await seed([expiredStory()]);
    await page.goto(addressOf(expired, "&run=1&agent=plan"));
    await expect(page.getByText("What was asked and answered here is not kept any more.")).toBeVisible();
    await expect(page.getByRole("region", { name: "Turn 1", exact: true })).toContainText("90 out");
    await page.goto(addressOf(expired, "&run=7&agent=nobody"));
    await expect(page.getByText("There is no such agent")).toBeVisible();
    await page.getByRole("link", { name: "Show all agents" }).click();
    await expect(page.getByRole("list", { name: "Agents" })).toBeVisible();
    const [empty] = await seed([{ ...transcriptStory(), agentRuns: [] }]);
    await page.goto(addressOf(empty));
    await expect(page.getByText("No agent has worked yet")).toBeVisible();
  });
});

test("agents of a job that is under way appear by themselves", async ({ page }) => {
  test.setTimeout(300_000);
  await fileJob(page, "Ledger with entries", ["Entries"]);
  await page.getByRole("tab", { name: "Transcript" }).click();
  const coder = page.getByRole("listitem").filter({ hasText: /^codertask 1/ });
  await expect(coder).toContainText("done", { timeout: 240_000 });
  await coder.getByRole("link").click();
  await expect(page.getByRole("region", { name: "Turn 1", exact: true })).toContainText("tokens in");
  await expect(page.getByRole("button", { name: /^First message/ })).toBeVisible();
});
