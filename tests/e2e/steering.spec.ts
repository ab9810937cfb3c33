import { expect, test } from "./support/test";

test("a plan is read, sent back and approved; a message reaches the next turn", async ({ page }) => {
  await page.goto("/jobs/new");
  await page.getByLabel("Request").fill("Blog with posts");
  await page.getByLabel("Features").fill("Posts\nComments\nTags\nAuthors\nSearch");
  await page.getByText("More settings").click();
  await page.getByRole("checkbox", { name: "I want to read the plan first" }).check();
  await page.getByRole("button", { name: "File the job" }).click();
  await page.waitForURL(/\/jobs\/JOB-[\w-]+$/);

  await page.getByRole("link", { name: "Read the plan" }).click();
  const decide = page.getByRole("region", { name: "Decide about the plan" });
  await expect(decide.getByText("The plan waits for you")).toBeVisible();
  await expect(page.getByRole("button", { name: "Resume" })).toBeHidden();
  await decide.getByRole("button", { name: "Request changes" }).click();
  await decide.getByLabel("What should change").fill("Say what a post is made of.");
  await decide.getByRole("button", { name: "Send back" }).click();

  await expect(decide.getByText("Version 2 of the plan waits for you")).toBeVisible();
  await expect(page.getByText("Say what a post is made of.").first()).toBeVisible();
  const words = "Name the fields as in the plan";
  await page.getByLabel("Message to the agents").fill(words);
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Message to the agents")).toHaveValue("");
  await expect(page.getByText("waits for the next turn")).toBeVisible();
  // Whoever looks at the Live tab does not see it twice.
  await page.getByRole("tab", { name: "Live" }).click();
  await expect(page.getByRole("log", { name: "Live log" })).toBeVisible();
  await expect(page.getByText(words)).toHaveCount(1);
  await page.getByRole("tab", { name: /^Plan/ }).click();
  await decide.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(decide).toBeHidden();

  await page.getByRole("tab", { name: "Live" }).click();
  await expect(page.getByText("Read by task-1/coder, turn 1")).toBeVisible();
  await expect(page.getByText(new RegExp(`Noted: \\w+: ${words}`))).toBeVisible();
  await expect(page.getByText("waits for the next turn")).toBeHidden();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Stop the job" }).click();
  // Nobody listens any more.
  await expect(page.getByLabel("Message to the agents")).toBeHidden();
});

test("a message that no agent reads is said to be unread, and waits again when the job is begun anew", async ({
  page,
}) => {
  await page.goto("/jobs/new");
  await page.getByLabel("Request").fill("Diary with days");
  await page.getByLabel("Features").fill("Days");
  await page.getByText("More settings").click();
  await page.getByRole("checkbox", { name: "I want to read the plan first" }).check();
  await page.getByRole("button", { name: "File the job" }).click();
  await page.waitForURL(/\/jobs\/JOB-[\w-]+$/);
  await expect(page.getByRole("link", { name: "Read the plan" })).toBeVisible();

  const words = "A day begins at six";
  await page.getByLabel("Message to the agents").fill(words);
  await page.keyboard.press("Enter");
  const waiting = page.getByRole("list", { name: "Messages that wait" });
  await expect(waiting).toContainText(words);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Stop the job" }).click();
  await expect(waiting).toBeHidden();
  await expect(page.getByText("Not read: no agent asked any more.")).toBeVisible();
  await expect(page.getByText(words)).toHaveCount(1);

  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("Not read: no agent asked any more.")).toHaveCount(0);
  await expect(page.getByText(/^Read by planner|^Read by plan/)).toBeVisible();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Stop the job" }).click();
});
