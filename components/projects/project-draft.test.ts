import { describe, expect, it } from "vitest";
import type { ProjectView } from "@/server/domain/project";
import { draftOf, EMPTY_PROJECT, readNewProject, readProjectChanges, suggestName } from "./project-draft";
import { faultsOfRefusal } from "./server-faults";

const PROJECT: ProjectView = {
  name: "cart",
  repository_url: "https://git.example.org/shop/cart.git",
  default_branch: null,
  folder: "",
  username: "robot",
  has_token: true,
  setup_command: "npm ci",
  lint_command: null,
  test_command: "npm test",
  budget_usd: 2,
  max_fixes: null,
  fallback_models: {},
  image: null,
  models: { coder: "simulation/sim-1" },
  detected: null,
  checked_at: null,
  archived: false,
  open_jobs: 0,
  created_at: "2026-11-21T10:00:00.000Z",
};

describe("suggestName", () => {
  it.each([
    ["https://git.example.org/shop/Cart Service.git", "cart-service"],
    ["https://git.example.org/shop/cart/", "cart"],
    ["https://git.example.org/_private.git", "private"],
    ["https://git.example.org", ""],
    ["https://", ""],
    ["", ""],
  ])("%s → %s", (url, name) => expect(suggestName(url)).toBe(name));
});

describe("readNewProject", () => {
  const draft = { ...EMPTY_PROJECT, name: "cart", repository_url: PROJECT.repository_url };

  it("needs a name and an address only; what is empty is null", () => {
    expect(readNewProject(draft)).toMatchObject({
      input: { name: "cart", default_branch: null, token: null, budget_usd: null, models: {} },
    });
  });

  it("names the field at fault", () => {
    const read = readNewProject({
      ...draft,
      name: "Cart!",
      repository_url: " ",
      default_branch: "a..b",
      folder: "../up",
      budget_usd: "much",
      models: { coder: "gpt" },
    });
    expect(Object.keys("faults" in read ? read.faults : {}).sort()).toEqual([
      "budget_usd",
      "default_branch",
      "folder",
      "models.coder",
      "name",
      "repository_url",
    ]);
    expect(read).toMatchObject({
      faults: { budget_usd: "must be a number", folder: expect.stringContaining("inside") },
    });
  });

  it("refuses the name that is the address of the form", () => {
    expect(readNewProject({ ...draft, name: "new" })).toHaveProperty("faults.name");
  });
});

describe("readProjectChanges", () => {
  it("sends nothing of what is as it was", () => {
    expect(readProjectChanges(PROJECT, draftOf(PROJECT))).toEqual({ input: { name: "cart" } });
  });

  it("sends what changed, and null for what was emptied", () => {
    const draft = { ...draftOf(PROJECT), setup_command: " ", max_fixes: "3", models: { coder: "" } };
    expect(readProjectChanges(PROJECT, draft)).toEqual({
      input: { name: "cart", setup_command: null, max_fixes: 3, models: {} },
    });
  });

  it("tells a new token, no new token and its removal apart", () => {
    const tokenOf = (token: string | null) => readProjectChanges(PROJECT, { ...draftOf(PROJECT), token });
    expect(tokenOf("fresh")).toEqual({ input: { name: "cart", token: "fresh" } });
    expect(tokenOf("")).toEqual({ input: { name: "cart" } });
    expect(tokenOf(null)).toEqual({ input: { name: "cart", token: null } });
  });
});

describe("faultsOfRefusal", () => {
  it("finds each field and what is said of it", () => {
    expect(
      faultsOfRefusal(
        "The field repository_url is not usable: must be https://. The field models.coder is not usable: no.",
      ),
    ).toEqual({ repository_url: "must be https://", "models.coder": "no" });
  });

  it("finds the field that a sentence begins with", () => {
    expect(faultsOfRefusal("base_branch: there is no such branch.")).toEqual({
      base_branch: "there is no such branch.",
    });
  });

  it("finds none in other sentences", () => {
    expect(faultsOfRefusal("The repository says: no.")).toEqual({});
    expect(faultsOfRefusal("There is a project cart already.")).toEqual({});
  });
});
