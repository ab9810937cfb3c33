// Projects: adding one, what was found in it, changing it, and filing a job that changes its repository.
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { startEmbeddedPostgres } from "@/cli/launcher/embedded-postgres";
import { connect } from "@/server/db";
import type { DetectedProject } from "@/server/domain/project";
import { expect, test } from "./support/test";

const TOKEN = "token-that-must-not-come-back";
const LONG_FOLDER = `packages/${"very-long-folder-name-".repeat(6)}end`;
/** An address that no operator of the tests allowed, so that nothing is ever asked of it. */
const ADDRESS = "http://127.0.0.1:1/shop/cart.git";

const FOUND: DetectedProject = {
  branch: "trunk",
  commit: "9f2b7c41d0e8a6b35577c1f0a94e2d8811f3c6aa",
  files: 1284,
  tech_stack: ["node", "typescript"],
  setup_command: "npm ci",
  lint_command: "npm run lint",
  test_command: "npm test -- --reporter=json",
  has_config: false,
  notes: ["Submodules are left alone: vendor/icons."],
};

/** Writes a project that was looked at into the factory's database. */
async function writeProject(
  name: string,
  more: { folder?: string; sealedToken?: Uint8Array<ArrayBuffer> } = {},
) {
  const { url } = await startEmbeddedPostgres({ dataDir: join(process.env.E2E_DATA_DIR ?? "", "postgres") });
  const db = connect(url, 1);
  try {
    const { id: teamId } = await db.team.findFirstOrThrow({ orderBy: { id: "asc" } });
    const seen = { detected: FOUND, checkedAt: new Date() };
    await db.project.create({ data: { teamId, name, repositoryUrl: ADDRESS, ...seen, ...more } });
  } finally {
    await db.$disconnect();
  }
}

/** A failure stays in its corner until it is closed. */
const closeNotice = (page: Page) => page.getByRole("button", { name: "Close", exact: true }).click();

test.describe("adding", () => {
  test.use({ expectedErrors: ["400 (Bad Request)", "net::ERR_FAILED"] });

  test("a project is added, and its token never comes back", async ({ page }) => {
    // Whether the first look works is not asked here, and no stranger's host is either.
    await page.route(/projects\.check/, (route) => route.abort());
    await page.goto("/projects");
    await page.getByRole("link", { name: "Add project" }).click();
    const address = page.getByLabel("Repository URL");
    await page.getByLabel("Folder").fill("../outside");
    await page.getByRole("button", { name: "Add project" }).click();
    await expect(address).toHaveAttribute("aria-invalid", "true");
    await expect(address).toBeFocused();
    await expect(page.getByText("must be a path inside the repository")).toBeVisible();

    await page.getByLabel("Folder").fill("");
    await address.fill("http://10.0.0.1/shop/Cart-Page.git");
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("cart-page");
    await page.getByRole("button", { name: "Add project" }).click();
    await expect(page.getByRole("main").getByText("must begin with https://")).toBeVisible();
    await closeNotice(page);

    await address.fill("https://github.com/shop/Cart-Page.git");
    await page.getByLabel("Token", { exact: true }).fill(TOKEN);
    await page.getByRole("button", { name: "Add project" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("cart-page");
    await expect(page.getByText("A token is stored; type a new one to replace it.")).toBeVisible();
    await expect(page.getByLabel("Token", { exact: true })).toHaveValue("");
    expect(await page.content()).not.toContain(TOKEN);
  });
});

test("what was found is shown, and taken over by one click", async ({ page }) => {
  await writeProject("found", { sealedToken: new Uint8Array([1]) });
  await page.goto("/projects");
  const row = page.getByRole("list", { name: "Projects" }).getByRole("listitem").filter({ hasText: "found" });
  await expect(row).toContainText("node, typescript");
  await expect(row).toContainText("Token stored");
  await row.getByRole("link").click();
  const found = page.getByRole("region", { name: "In the repository" });
  await expect(found).toContainText("trunk");
  await expect(found).toContainText("1,284 files");
  await expect(found).toContainText("Submodules are left alone");
  await expect(page.getByLabel("Lint command")).toHaveAttribute("placeholder", "npm run lint");

  await found.getByRole("button", { name: "Use this: npm test -- --reporter=json" }).click();
  await expect(page.getByLabel("Test command")).toBeFocused();
  await page.getByText("Models per role").click();
  await page.getByLabel("Coder").fill("gpt");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("Coder")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Coder").fill("simulation/sim-2");
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("The stored token is removed when you save.")).toBeVisible();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();

  await page.reload();
  await expect(page.getByLabel("Test command")).toHaveValue("npm test -- --reporter=json");
  await expect(page.getByText("1 chosen")).toBeVisible();
  await expect(page.getByRole("button", { name: "Remove" })).toHaveCount(0);
});

test("changes that are dropped leave the project as it was", async ({ page }) => {
  await writeProject("dropped");
  await page.goto("/projects/dropped");
  await page.getByLabel("Set-up command").fill("make");
  await page.getByRole("button", { name: "Drop the changes" }).click();
  await expect(page.getByLabel("Set-up command")).toHaveValue("");
  await expect(page.getByRole("button", { name: "Save" })).toBeHidden();
});

test.describe("a look that is refused", () => {
  test.use({ expectedErrors: ["422 (Unprocessable"] });

  test("says why, in its place", async ({ page }) => {
    await writeProject("refused");
    await page.goto("/projects/refused");
    const found = page.getByRole("region", { name: "In the repository" });
    await found.getByRole("button", { name: "Look now" }).click();
    await expect(found.getByRole("alert")).toContainText("must begin with https://");
    await expect(found).toContainText("trunk");
  });
});

test("a job that changes a project says where, and not with what", async ({ page }) => {
  await writeProject("changed");
  await page.goto("/projects/changed");
  await page.getByRole("link", { name: "New change job" }).click();
  await expect(page.getByLabel("Where")).toHaveValue("changed");
  await expect(page.getByLabel("Base branch")).toHaveAttribute("placeholder", "trunk");
  await expect(page.getByRole("group", { name: "Technology" })).toHaveCount(0);
  await page.getByLabel("Where").selectOption("New project");
  await expect(page.getByRole("group", { name: "Technology" })).toBeVisible();
  await expect(page.getByLabel("Base branch")).toHaveCount(0);

  await page.getByLabel("Where").selectOption("changed");
  await page.getByLabel("Request").fill("Names of the cart");
  await page.getByLabel("Base branch").fill("a..b");
  await page.getByRole("button", { name: "File the job" }).click();
  await expect(page.getByText("not a branch name that git allows")).toBeVisible();
  await page.getByLabel("Base branch").fill("release");
  await page.getByLabel("Behaviour is unchanged").check();
  const sent = page.waitForRequest(/jobs\.create/);
  await page.getByRole("button", { name: "File the job" }).click();
  const input = (await sent).postDataJSON()[0].json;
  expect(input).toMatchObject({ project: "changed", base_branch: "release", behaviour_unchanged: true });
  expect(input).not.toHaveProperty("tech_stack");
  await page.waitForURL(/\/jobs\/JOB-[\w-]+$/);
});

test("a project that is not there is said to be missing", async ({ page }) => {
  await page.goto("/jobs/new?project=absent");
  await expect(page.getByText("There is no project absent.")).toBeVisible();
});

test.describe("putting away", () => {
  test.use({ expectedErrors: ["404 (Not Found)"] });

  test("an archived project leaves the lists", async ({ page }) => {
    await writeProject("leaving");
    await page.goto("/projects/leaving");
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await page.getByRole("button", { name: "Archive the project" }).click();
    await expect(page).toHaveURL(/\/projects$/);
    await expect(page.getByText("Project leaving was archived.")).toBeVisible();
    await expect(page.getByRole("listitem").filter({ hasText: "leaving" })).toHaveCount(0);
    await page.goto("/projects/leaving");
    await expect(page.getByText("There is no project leaving")).toBeVisible();
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("nothing sticks out, on a telephone and on a desk", async ({ page }) => {
      const name = `wide-${colorScheme}-${"x".repeat(60)}`;
      await writeProject(name, { folder: LONG_FOLDER });
      for (const width of [360, 390, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        for (const path of ["/projects", "/projects/new", `/projects/${name}`, `/jobs/new?project=${name}`]) {
          await page.goto(path);
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByText("Simulation: no model key is set.").first()).toBeVisible();
          const overhang = await page.evaluate(
            () => document.body.scrollWidth - document.documentElement.clientWidth,
          );
          expect(overhang, `${path} at ${width}`).toBeLessThanOrEqual(0);
        }
      }
    });
  });
}
