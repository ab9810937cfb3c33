// What was learned: written down, read in, found, filtered, put right, pinned, deleted; and only looked at by viewers.
import type { Page } from "@playwright/test";
import { addPerson, seedLearning } from "./support/seed-team";
import { expect, signIn, test } from "./support/test";

const rows = (page: Page) => page.getByRole("list", { name: "Learnings" }).getByRole("listitem");
const row = (page: Page, title: string) => rows(page).filter({ hasText: title });

async function writeDown(page: Page, title: string, text: string, kind = "gotcha"): Promise<void> {
  await page.getByRole("button", { name: "Write one down" }).first().click();
  const form = page.getByRole("dialog", { name: "Write a learning down" });
  await form.getByLabel("Title").fill(title);
  await form.getByLabel("Text").fill(text);
  await form.getByLabel("Kind").selectOption(kind);
  await form.getByText("python", { exact: true }).click();
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form).toBeHidden();
  await expect(row(page, title)).toBeVisible();
}

test("one is written down, found, put right, pinned and deleted", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Learnings" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Learnings");

  await page.getByRole("button", { name: "Write one down" }).first().click();
  const form = page.getByRole("dialog", { name: "Write a learning down" });
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByText("Say in a few words what it is about.")).toBeVisible();
  await form.getByRole("button", { name: "Cancel" }).click();

  await writeDown(page, "Lighthouse ports", "Port 0 chooses a free one for the lighthouse.");
  await page.getByLabel("Search learnings").fill("which port does a lighthouse take");
  await expect(page).toHaveURL(/q=which/);
  await expect(page.getByText("Found by words, best first.")).toBeVisible();
  await row(page, "Lighthouse ports").getByRole("button").first().click();
  await expect(row(page, "Lighthouse ports")).toContainText("somebody who wrote it down");

  await row(page, "Lighthouse ports").getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: "Edit the learning" });
  await expect(edit.getByLabel("Title")).toHaveValue("Lighthouse ports");
  await edit.getByLabel("Title").fill("Lighthouse harbour ports");
  await edit.getByLabel("Files").fill("/etc/hosts");
  await edit.getByRole("button", { name: "Save" }).click();
  await expect(edit.getByText("/etc/hosts is no path within the repository.")).toBeVisible();
  await edit.getByLabel("Files").fill("src/harbour.ts");
  await edit.getByRole("button", { name: "Save" }).click();
  const changed = row(page, "Lighthouse harbour ports");
  await expect(changed).toContainText("src/harbour.ts");

  await changed.getByRole("button", { name: "Pin" }).click();
  await expect(changed.getByRole("button", { name: "Unpin" })).toBeEnabled();
  await page.goto("/learnings?pinned=true");
  await expect(page.getByLabel("Pinned only")).toBeChecked();
  await row(page, "Lighthouse harbour ports").getByRole("button").first().click();
  await row(page, "Lighthouse harbour ports").getByRole("link", { name: "Open by itself" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Lighthouse harbour ports");

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete it" }).click();
  await expect(page).toHaveURL(/\/learnings$/);
  await expect(page.getByText("The learning was deleted.")).toBeVisible();
  await expect(row(page, "Lighthouse harbour ports")).toHaveCount(0);
});

test("files are read in; the same again adds nothing", async ({ page }) => {
  await page.goto("/learnings");
  const file = {
    name: "notes.md",
    mimeType: "text/markdown",
    buffer: Buffer.from(
      "- [gotcha] Barometer: pressure is in hectopascals.\n\n## [decision] Tide tables\nThey are in UTC.\n",
    ),
  };
  for (const outcome of ["2 learnings taken in.", "Nothing new was found, 2 known already."]) {
    await page.getByRole("button", { name: "Read in files" }).first().click();
    const form = page.getByRole("dialog", { name: "Read learnings in from files" });
    await expect(form.getByRole("button", { name: "Read in" })).toBeDisabled();
    await form.getByLabel("Markdown files").setInputFiles(file);
    await form.getByRole("button", { name: "Read in" }).click();
    await expect(page.getByText(outcome)).toBeVisible();
  }
  await expect(row(page, "Barometer")).toHaveCount(1);
  await row(page, "Tide tables").getByRole("button").first().click();
  await expect(row(page, "Tide tables")).toContainText("a file that somebody read in");
});

test("filters stand in the address and go together with words", async ({ page }) => {
  await page.goto("/learnings");
  await writeDown(page, "Sextant angles", "Angles of a sextant are in degrees.", "gotcha");
  await writeDown(page, "Sextant mirrors", "Mirrors of a sextant are cleaned first.", "pattern");
  await page.getByLabel("Kind").selectOption("pattern");
  await expect(page).toHaveURL(/kind=pattern/);
  await expect(row(page, "Sextant mirrors")).toBeVisible();
  await expect(row(page, "Sextant angles")).toHaveCount(0);
  await page.getByLabel("Search learnings").fill("sextant");
  await expect(page).toHaveURL(/q=sextant/);
  await expect(rows(page)).toHaveCount(1);
  await page.getByLabel("Technology").selectOption("node");
  await expect(page.getByText("No learning matches")).toBeVisible();
  await page.getByRole("link", { name: "Show all learnings" }).click();
  await expect(row(page, "Sextant angles")).toBeVisible();
  await expect(page.getByLabel("Search learnings")).toHaveValue("");
});

test("what jobs found is theirs to see, with a way to the job", async ({ page, databaseUrl }) => {
  const job = await seedLearning(databaseUrl, "Anchor chains", "They are counted in shackles.");
  await page.goto(`/learnings?job=${job}`);
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText("score −0.40");
  await expect(rows(page)).toContainText("told 12 times");
  await rows(page).getByRole("button").first().click();
  await rows(page).getByRole("link", { name: job, exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/jobs/${job}$`));
});

test("a viewer reads and changes nothing", async ({ page, stranger, databaseUrl }) => {
  await page.goto("/learnings");
  await writeDown(page, "Compass deviation", "Iron nearby turns the needle.");
  const { username, password } = await addPerson(databaseUrl, "viewer");
  await signIn(stranger, password, username);
  await stranger.getByRole("heading", { name: "Overview" }).waitFor();
  await stranger.goto("/learnings");
  await row(stranger, "Compass deviation").getByRole("button").first().click();
  await expect(row(stranger, "Compass deviation")).toContainText("Iron nearby turns the needle.");
  for (const name of ["Write one down", "Read in files", "Pin", "Edit", "Delete"])
    await expect(stranger.getByRole("button", { name, exact: true })).toHaveCount(0);
});

test.describe("a learning that is gone", () => {
  test.use({ expectedErrors: ["404"] });

  test("is said to be", async ({ page }) => {
    await page.goto("/learnings/999999999");
    await expect(page.getByText("There is no such learning")).toBeVisible();
  });
});
