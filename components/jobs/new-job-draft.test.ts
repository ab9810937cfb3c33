import { describe, expect, it } from "vitest";
import { EMPTY_DRAFT, readDraft, splitRequest } from "./new-job-draft";

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
    expect(read).toMatchObject({ input: { title: "A to-do list", tech_stack: "node", max_fixes: 5 } });
  });

  it("names the field at fault", () => {
    expect(readDraft({ ...EMPTY_DRAFT, request: "x", budget: "-1" })).toHaveProperty("faults.budget");
    expect(readDraft({ ...EMPTY_DRAFT, request: "x", files: "../up" })).toHaveProperty("faults.files");
    expect(readDraft({ ...EMPTY_DRAFT, request: " " })).toHaveProperty("faults.request");
    expect(readDraft({ ...EMPTY_DRAFT, request: "x", stack: [] })).toHaveProperty("faults.stack");
  });
});
