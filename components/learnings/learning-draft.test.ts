import { describe, expect, test } from "vitest";
import { createLearningInput } from "@/server/domain/learning";
import { faultsOf, readDraft, toDraft } from "./learning-draft";

const full = {
  ...toDraft(),
  title: " Ports ",
  text: "Port 0 chooses a free one.\n",
  kind: "gotcha" as const,
  project: "shop",
  stack: ["node", "cobol"],
  files: " src/a.ts \n\nsrc/b.ts\nsrc/a.ts",
};

test("what is sent is what the API takes", () => {
  const told = readDraft(full);
  expect(told).toEqual({
    title: "Ports",
    text: "Port 0 chooses a free one.",
    kind: "gotcha",
    project: "shop",
    stack: ["node"],
    files: ["src/a.ts", "src/b.ts"],
  });
  expect(createLearningInput.safeParse(told).success).toBe(true);
  expect(readDraft({ ...full, project: "" }).project).toBeNull();
});

describe("faults", () => {
  test.each([
    ["title", { title: "  " }],
    ["title", { title: "x".repeat(201) }],
    ["text", { text: "\n" }],
    ["text", { text: "x".repeat(4_001) }],
    ["files", { files: "/etc/passwd" }],
    ["files", { files: "a/../b" }],
    ["files", { files: Array.from({ length: 21 }, (_, i) => `f${i}`).join("\n") }],
  ])("of %s are named there and refused by the API, too", (field, part) => {
    const draft = { ...full, ...part };
    expect(Object.keys(faultsOf(draft))).toEqual([field]);
    expect(createLearningInput.safeParse(readDraft(draft)).success).toBe(false);
  });

  test("of a good draft are none", () => expect(faultsOf(full)).toEqual({}));
});
