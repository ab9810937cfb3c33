import { describe, expect, it } from "vitest";
import { EMPTY_DRAFT, faultsFromServer, readDraft, splitRequest } from "./new-job-draft";

describe("splitRequest", () => {
  it("takes the first line as the title", () => {
    expect(splitRequest("API REST para e-commerce\nWith a cart\nand a checkout")).toEqual({
      title: "API REST para e-commerce",
      description: "With a cart\nand a checkout",
    });
  });

  it("keeps a first line that is too long whole in the description", () => {
    const long = "word ".repeat(60).trim();
    const { title, description } = splitRequest(long);
    expect(title.length).toBeLessThanOrEqual(200);
    expect(description).toBe(long);
  });
});

describe("readDraft", () => {
  it("needs only the request", () => {
    const read = readDraft({ ...EMPTY_DRAFT, request: "A to-do list" });
    expect(read).toMatchObject({ input: { title: "A to-do list", tech_stack: "node" } });
    // What is not said is decided by the project or the factory.
    expect(read).not.toHaveProperty("input.max_fixes");
    expect(read).not.toHaveProperty("input.project");
  });

  it("changes a project without naming technologies", () => {
    const draft = { ...EMPTY_DRAFT, request: "Mend it", project: "cart", baseBranch: "release", stack: [] };
    const read = readDraft({ ...draft, behaviourUnchanged: true });
    expect(read).toMatchObject({
      input: { project: "cart", base_branch: "release", behaviour_unchanged: true },
    });
    expect(read).not.toHaveProperty("input.tech_stack");
  });

  it("forgets the branch and the promise of a project that is no longer chosen", () => {
    const draft = { ...EMPTY_DRAFT, request: "x", baseBranch: "release", behaviourUnchanged: true };
    const read = readDraft(draft);
    expect(read).not.toHaveProperty("input.base_branch");
    expect(read).not.toHaveProperty("input.behaviour_unchanged");
  });

  it("asks for the plan only when it is to be read", () => {
    const draft = { ...EMPTY_DRAFT, request: "x" };
    expect(readDraft(draft)).not.toHaveProperty("input.approve_plan");
    expect(readDraft({ ...draft, approvePlan: true })).toHaveProperty("input.approve_plan", true);
  });

  it("is worked out once unless more is asked for", () => {
    const draft = { ...EMPTY_DRAFT, request: "x" };
    expect(readDraft(draft)).not.toHaveProperty("input.candidates");
    expect(readDraft({ ...draft, candidates: " 3 " })).toHaveProperty("input.candidates", 3);
    for (const candidates of ["0", "9", "2.5", "three"])
      expect(readDraft({ ...draft, candidates })).toHaveProperty("faults.candidates");
  });

  it("names the field at fault", () => {
    expect(readDraft({ ...EMPTY_DRAFT, request: "x", budget: "-1" })).toHaveProperty("faults.budget");
    expect(readDraft({ ...EMPTY_DRAFT, request: "x", files: "../up" })).toHaveProperty("faults.files");
    const inProject = { ...EMPTY_DRAFT, request: "x", project: "cart" };
    expect(readDraft({ ...inProject, baseBranch: "a..b" })).toHaveProperty("faults.baseBranch");
    expect(readDraft({ ...EMPTY_DRAFT, request: " " })).toHaveProperty("faults.request");
    expect(readDraft({ ...EMPTY_DRAFT, request: "x", stack: [] })).toHaveProperty("faults.stack");
  });
});

describe("faultsFromServer", () => {
  const draft = { ...EMPTY_DRAFT, request: "x", project: "cart" };

  it("puts what was said of a field at the field", () => {
    const text = "The field base_branch is not usable: there is no such branch.";
    expect(faultsFromServer(draft, { text, httpStatus: 400 })).toEqual({
      baseBranch: "there is no such branch",
    });
  });

  it("puts a project that is gone at the project", () => {
    const text = "There is no project cart in this team.";
    expect(faultsFromServer(draft, { text, httpStatus: 404 })).toEqual({ project: text });
    expect(faultsFromServer({ ...draft, project: "" }, { text, httpStatus: 404 })).toEqual({});
  });
});
