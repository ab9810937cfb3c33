import { describe, expect, it } from "vitest";
import { parseDiff, splitHunk } from "./diff";

const DIFF = `diff --git a/src/cart.js b/src/cart.js
index 1111111..2222222 100644
--- a/src/cart.js
+++ b/src/cart.js
@@ -1,3 +1,4 @@ export function add
 const a = 1;
-const b = 2;
+const b = 3;
+const c = 4;
 --- not a header
\\ No newline at end of file
diff --git a/logo.png b/logo.png
Binary files /dev/null and b/logo.png differ
`;

describe("parseDiff", () => {
  const [cart, logo] = parseDiff(DIFF);

  it("finds files and counts", () => {
    expect(cart).toMatchObject({ path: "src/cart.js", added: 2, removed: 1, binary: false });
    expect(logo).toMatchObject({ path: "logo.png", binary: true, hunks: [] });
  });

  it("numbers the lines on both sides", () => {
    expect(cart?.hunks[0]?.lines.map(({ kind, before, after }) => [kind, before, after])).toEqual([
      ["same", 1, 1],
      ["removed", 2, null],
      ["added", null, 2],
      ["added", null, 3],
      ["same", 3, 4],
      ["remark", null, null],
    ]);
  });

  it("pairs changes side by side", () => {
    const rows = splitHunk(cart!.hunks[0]!);
    expect(rows.map(({ left, right }) => [left?.text ?? null, right?.text ?? null])).toEqual([
      ["const a = 1;", "const a = 1;"],
      ["const b = 2;", "const b = 3;"],
      [null, "const c = 4;"],
      ["--- not a header", "--- not a header"],
    ]);
  });

  it("gives nothing for an empty diff", () => expect(parseDiff("")).toEqual([]));
});
