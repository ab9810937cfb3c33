import { describe, expect, test } from "vitest";
import { parseTasks, tickTasks } from "./checklist";

const SPEC = `# Shop

- not a task
- [ ] Products
* [x] Cart
  - [ ] Nested
\`\`\`
- [ ] inside a fence
\`\`\`
- [X] Checkout 🛒
- [] no space
- [ ]
`;

describe("the checklist", () => {
  test("is every line with a box, outside of code, with what is done", () => {
    expect(parseTasks(SPEC)).toEqual([
      { title: "Products", done: false },
      { title: "Cart", done: true },
      { title: "Nested", done: false },
      { title: "Checkout 🛒", done: true },
    ]);
  });

  test("is the same whatever ends a line", () => {
    expect(parseTasks(SPEC.replaceAll("\n", "\r\n"))).toEqual(parseTasks(SPEC));
  });

  test.each(["", "no list", "```\n- [ ] x", "- [ ]", "-[ ] x"])("of %j is empty", (spec) =>
    expect(parseTasks(spec)).toEqual([]),
  );

  test("has titles that can be stored, however long", () => {
    const [task] = parseTasks(`- [ ] ${"x".repeat(299)}😀😀`);
    expect(task?.title.isWellFormed()).toBe(true);
    expect(task?.title.length).toBeLessThanOrEqual(300);
  });
});

describe("ticking", () => {
  test("ticks the first n lines and changes nothing else", () => {
    const lines = tickTasks(SPEC, 3).split("\n");
    const changed = SPEC.split("\n").flatMap((line, i) => (line === lines[i] ? [] : [lines[i]]));
    expect(changed).toEqual(["- [x] Products", "  - [x] Nested"]);
  });

  test("twice is the same as once, and none is none", () => {
    expect(tickTasks(tickTasks(SPEC, 2), 2)).toBe(tickTasks(SPEC, 2));
    expect(tickTasks(SPEC, 0)).toBe(SPEC);
  });

  test("leaves nothing open when all are ticked", () => {
    expect(parseTasks(tickTasks(SPEC, 4)).every((task) => task.done)).toBe(true);
  });

  test("keeps windows line ends", () => {
    expect(tickTasks("- [ ] a\r\n- [ ] b\r\n", 1)).toBe("- [x] a\r\n- [ ] b\r\n");
  });
});
