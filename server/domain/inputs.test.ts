import { describe, expect, test } from "vitest";
import { createJobInput, listJobsInput, loginInput, peekInput, setPriorityInput, setupInput } from "./inputs";

const job = (more: Record<string, unknown>) => ({ title: "A job", ...more });
const faultOf = (input: unknown) => {
  const read = createJobInput.safeParse(input);
  return read.success
    ? null
    : read.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
};

describe("a new job", () => {
  test("needs no more than a title", () => {
    const input = createJobInput.parse({ title: "  A job " });
    // What depends on the project, if there is one, is decided where that is known.
    expect([input.tech_stack, input.max_fixes]).toEqual([undefined, undefined]);
    expect(input).toMatchObject({
      title: "A job",
      description: "",
      features: [],
      priority: "medium",
      behaviour_unchanged: false,
      depends_on: [],
      models: {},
    });
  });

  test("takes words in any language and keeps them", () => {
    const features = ["CRUD produtos", "购物车", "Checkout 🛒"];
    expect(createJobInput.parse(job({ features })).features).toEqual(features);
  });

  test.each([
    ["no title", {}],
    ["empty title", job({ title: "  " })],
    ["long title", job({ title: "x".repeat(201) })],
    ["title of two lines", job({ title: "a\nb" })],
    ["title that is a number", job({ title: 1 })],
    ["NUL in a text", job({ description: "a\u0000b" })],
    ["lone surrogate", job({ description: "\ud800" })],
    ["half a pair in a feature", job({ features: ["x\udc00"] })],
    ["long description", job({ description: "x".repeat(50_001) })],
    ["too many features", job({ features: Array(51).fill("x") })],
    ["features that are no list", job({ features: "x" })],
    ["unknown technology", job({ tech_stack: "cobol" })],
    ["a technology from the prototype", job({ tech_stack: "constructor" })],
    ["unknown field", job({ ownerId: 1 })],
    ["unknown field role", job({ role: "admin" })],
    ["own __proto__", JSON.parse('{"title":"A job","__proto__":{"x":1}}')],
    ["priority outside the list", job({ priority: "urgent" })],
    ["budget of nothing", job({ budget_usd: 0 })],
    ["negative budget", job({ budget_usd: -1 })],
    ["endless budget", job({ budget_usd: Number.POSITIVE_INFINITY })],
    ["budget that is no number", job({ budget_usd: Number.NaN })],
    ["too many fixes", job({ max_fixes: 21 })],
    ["half a fix", job({ max_fixes: 1.5 })],
    ["dependency that is no id", job({ depends_on: ["1"] })],
    ["path upwards", job({ files: ["../x"] })],
    ["path upwards in the middle", job({ files: ["a/../../x"] })],
    ["absolute path", job({ files: ["/etc/passwd"] })],
    ["path into .git", job({ files: ["a/.git/hooks/x"] })],
    ["model without a provider", job({ models: { coder: "gpt" } })],
    ["model of an unknown role", job({ models: { boss: "simulation/sim-1" } })],
    ["source that is no address", job({ source_url: "not an address" })],
  ])("%s is refused with a sentence", (_name, input) => expect(faultOf(input)).toMatch(/\w+ \w+/));

  test("says which technologies there are", () => {
    expect(faultOf(job({ tech_stack: "node, cobol" }))).toMatch(/cobol.*python, fastapi/);
  });
});

describe("lists", () => {
  test.each([-1, 0, 1e9, 1.5, "x", Number.NaN, null])("limit %j is refused", (limit) => {
    expect(listJobsInput.safeParse({ limit }).success).toBe(false);
    expect(peekInput.safeParse({ limit }).success).toBe(false);
  });

  test.each(["-1", "x", "1".repeat(20), " 1", "1e3"])("cursor %j is refused", (cursor) =>
    expect(listJobsInput.safeParse({ cursor }).success).toBe(false),
  );

  test("refuses an unknown state", () =>
    expect(listJobsInput.safeParse({ state: "todo" }).success).toBe(false));
});

describe("the rest", () => {
  test("refuses a priority for something that is no job", () => {
    expect(setPriorityInput.safeParse({ id: "1", priority: "low" }).success).toBe(false);
  });

  test.each([{}, { username: "x" }, { username: "", password: "x" }, { username: "x", password: "" }])(
    "%j is no sign-in",
    (input) => expect(loginInput.safeParse(input).success).toBe(false),
  );

  test.each(["A", "-x", "x", "ä", "x".repeat(41), "a b"])("%j is no name of a user", (username) => {
    const rest = { email: "a@b.test", password: "long enough 1" };
    expect(setupInput.safeParse({ ...rest, username }).success).toBe(false);
  });
});
