import { expect, signIn, test } from "./support/test";

test("a stranger is led to the sign-in, from every page", async ({ stranger }) => {
  for (const path of [
    "/",
    "/jobs",
    "/jobs/new",
    "/queue",
    "/workers",
    "/settings",
    "/jobs/JOB-20260101000000-AAAA",
  ]) {
    await stranger.goto(path);
    await expect(stranger).toHaveURL(/\/sign-in$/);
  }
});

test("a wrong password is refused in plain words", async ({ stranger }) => {
  await signIn(stranger, "not the password");
  await expect(stranger.getByText("This username and password do not match.")).toBeVisible();
});

test("signing in and out", async ({ stranger }) => {
  await signIn(stranger);
  await expect(stranger.getByRole("heading", { name: "Overview" })).toBeVisible();
  await stranger.goto("/sign-in");
  await expect(stranger).toHaveURL(/\/$/);
  await stranger.getByRole("button", { name: "Sign out" }).click();
  await expect(stranger).toHaveURL(/\/sign-in/);
  await stranger.goto("/jobs");
  await expect(stranger).toHaveURL(/\/sign-in$/);
});

test("the set-up page is closed once somebody exists", async ({ stranger }) => {
  await stranger.goto("/setup");
  await expect(stranger).toHaveURL(/\/sign-in$/);
});
