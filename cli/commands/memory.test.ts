import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readMarkdown, requestsOf } from "./memory";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-memory-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the Markdown of a folder", () => {
  test("is found below it, without links, packages and other files", () => {
    for (const dir of ["a/b", "node_modules/x", ".git"]) mkdirSync(join(folder, dir), { recursive: true });
    for (const path of ["one.md", "a/b/two.MD", "three.txt", "node_modules/x/four.md", ".git/five.md"])
      writeFileSync(join(folder, path), path);
    symlinkSync("/etc/hostname", join(folder, "six.md"));
    expect(readMarkdown(folder)).toEqual([
      { path: "a/b/two.MD", text: "a/b/two.MD" },
      { path: "one.md", text: "one.md" },
    ]);
    expect(readMarkdown(join(folder, "one.md"))).toMatchObject([{ text: "one.md" }]);
  });

  test("is made fit to be sent, whatever its bytes", () => {
    writeFileSync(join(folder, "a.md"), Buffer.from([0x61, 0, 0xff, 0x62]));
    writeFileSync(join(folder, "b.md"), "x".repeat(600_000));
    expect(readMarkdown(folder).map(({ text }) => text.length)).toEqual([4, 500_000]);
    expect(readMarkdown(folder)[0]?.text).toBe("a␀\ufffdb");
  });

  test("that is not there is refused with what to do", () => {
    expect(() => readMarkdown(join(folder, "none"))).toThrow("cannot be read");
    expect(() => readMarkdown(folder)).toThrow("There is no Markdown file");
  });
});

test("files go in requests that are not too large, in order", () => {
  const files = Array.from({ length: 450 }, (_, i) => ({
    path: `${i}.md`,
    text: "é".repeat(i % 3 === 0 ? 2_500 : 10),
  }));
  const requests = requestsOf(files);
  expect(requests.flat()).toEqual(files);
  for (const request of requests) {
    expect(request.length).toBeLessThanOrEqual(200);
    expect(Buffer.byteLength(JSON.stringify({ files: request }))).toBeLessThan(1024 * 1024);
  }
});
