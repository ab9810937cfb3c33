import { expect, test } from "./support/test";

test("the form needs a request and says what is wrong in its place", async ({ page }) => {
  await page.goto("/jobs/new");
  await page.getByRole("button", { name: "File the job" }).click();
  await expect(page.getByText("Say what should be built.", { exact: true })).toBeVisible();
  await page.getByLabel("Request").fill("A to-do list");
  await expect(page.getByText("Say what should be built.", { exact: true })).toBeHidden();
  await page.getByText("More settings").click();
  await page.getByLabel("Budget in dollars").fill("-3");
  await page.getByLabel("Files", { exact: true }).fill("../outside");
  await page.getByRole("button", { name: "File the job" }).click();
  await expect(page.getByLabel("Budget in dollars")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByText("must be a path inside the project")).toBeVisible();
  await expect(page).toHaveURL(/\/jobs\/new$/);
});

test("an example fills in the form; technologies are chips", async ({ page }) => {
  await page.goto("/jobs/new");
  await page.getByRole("button", { name: "Blog" }).click();
  await expect(page.getByLabel("Request")).toHaveValue("Blog with posts and comments");
  await expect(page.getByLabel("Features")).toHaveValue("Posts\nComments\nTags");
  await page.getByText("fastapi", { exact: true }).click();
  await expect(page.getByRole("checkbox", { name: "fastapi" })).toBeChecked();
  await expect(page.getByRole("checkbox", { name: "node" })).toBeChecked();
});
