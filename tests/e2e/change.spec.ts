// The main way of work on an existing repository, in the browser and against a real git server: a project with a
// token, a look, a change job, and the branch that comes back.
import { ServerRepository } from "@/tests/support/git-server";
import { expect, fact, test } from "./support/test";

const RED_SINCE_LONG = `import unittest


class OldTest(unittest.TestCase):
    def test_green(self):
        self.assertTrue(True)

    def test_red_since_long(self):
        self.assertEqual(1, 2)
`;

const setting = (name: string) => process.env[name] ?? "";

/** The repository as somebody else left it: one test of it is red. */
function fillRepository(): { repository: ServerRepository; base: string } {
  const repository = new ServerRepository(setting("E2E_GIT_DIR"));
  const base = repository.commit({
    "README.md": "# Sums\n",
    "sums/__init__.py": "",
    "sums/total.py": '"""Sums."""\n\n\ndef total(numbers):\n    return sum(numbers)\n',
    "tests/__init__.py": "",
    "tests/test_old.py": RED_SINCE_LONG,
  });
  return { repository, base };
}

test("a project is added, looked at and changed, and the change comes back as a branch", async ({ page }) => {
  const { repository, base } = fillRepository();
  await page.goto("/projects/new");
  await page.getByLabel("Repository URL").fill(setting("E2E_GIT_URL"));
  await page.getByLabel("User name").fill("robot");
  await page.getByLabel("Token", { exact: true }).fill(setting("E2E_GIT_TOKEN"));
  await page.getByRole("button", { name: "Add project" }).click();
  const found = page.getByRole("region", { name: "In the repository" });
  await expect(found).toContainText("Looked at");
  await expect(found).toContainText("python");
  await expect(found).toContainText(base.slice(0, 12));

  await page.getByRole("link", { name: "New change job" }).click();
  await page.getByLabel("Request").fill("Multiply numbers");
  await page.getByRole("button", { name: "File the job" }).click();
  await page.waitForURL(/\/jobs\/JOB-[\w-]+$/);
  const id = page.url().split("/").at(-1) ?? "";
  await expect(fact(page, "Project")).toHaveText("sums");
  await expect(fact(page, "State")).toHaveText("Completed", { timeout: 90_000 });
  await expect(fact(page, "Base")).toContainText(`main${base.slice(0, 10)}`);
  const branch = `fabrica/${id}`;
  await expect(page.getByText("Pushed as branch")).toBeVisible();
  await expect(page.getByRole("button", { name: branch, exact: true })).toBeVisible();
  expect(repository.git(["merge-base", "main", branch])).toBe(base);

  await page.getByText("5 deliveries").click();
  await expect(page.getByText("Git bundle", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: `git fetch origin ${branch}` })).toBeVisible();

  const changed = repository.git(["diff", "--name-only", "main", branch]).split("\n");
  await page.getByRole("tab", { name: /^Changes/ }).click();
  await expect(page.getByRole("tab", { name: /^Changes/ })).toHaveText(new RegExp(`${changed.length}$`));
  const files = page.getByRole("list", { name: "Files", exact: true });
  await expect(files.getByRole("button")).toHaveCount(changed.length);
  await page.getByRole("button", { name: /^All \d+ files$/ }).click();
  await expect(files.getByRole("button", { name: "README.md" })).toBeVisible();

  // What was red before is shown, and is not the job's failure.
  await page.getByRole("tab", { name: "Tests" }).click();
  await expect(page.getByText("red before the change as well")).toBeVisible();
  await page.getByRole("tab", { name: "Checks" }).click();
  await expect(page.getByText("Tests before the change: red already")).toBeVisible();
  await expect(page.getByRole("complementary", { name: "Timeline" })).not.toContainText("failed");

  await page.goto("/projects/sums");
  await expect(page.getByRole("list", { name: "Jobs of the project" })).toContainText("Multiply numbers");
  expect(await page.content()).not.toContain(setting("E2E_GIT_TOKEN"));
});
