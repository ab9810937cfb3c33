// The fixer at a real merge: git writes the markers, the fixer keeps both sides, and nothing else changes.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { Drive } from "../testing/drive";
import { ADD_SLUGIFY } from "../testing/repositories";

const drives: Drive[] = [];
afterEach(() => {
  for (const drive of drives.splice(0)) rmSync(drive.folder, { recursive: true, force: true });
});

function start(): Drive {
  const drive = new Drive(ADD_SLUGIFY);
  drives.push(drive);
  return drive;
}

const text = (drive: Drive, path: string) => readFileSync(join(drive.folder, path), "utf8");

/** Leaves the workspace in the middle of a merge of `theirs` into `ours`. */
async function merge(
  drive: Drive,
  versions: Record<"base" | "ours" | "theirs", Record<string, string>>,
  style: string,
) {
  const git = (...args: string[]) =>
    drive.run("git", [
      "-c",
      "user.name=x",
      "-c",
      "user.email=x@example.com",
      "-c",
      `merge.conflictStyle=${style}`,
      ...args,
    ]);
  const commit = async (content: Record<string, string>) => {
    drive.seed(content);
    await git("add", "-A");
    await git("commit", "-qm", "x");
  };
  await git("init", "-qb", "ours");
  await commit(versions.base);
  await git("checkout", "-qb", "theirs");
  await commit(versions.theirs);
  await git("checkout", "-q", "ours");
  await commit(versions.ours);
  expect((await git("merge", "theirs")).code).toBe(1);
}

const lines = (...all: string[]) => `${all.join("\n")}\n`;
const many = Array.from({ length: 40 }, (_, n) => `line ${n}`);

it.each(["merge", "diff3"])("keeps both sides of every conflict (%s)", async (style) => {
  const drive = start();
  const file = (first: string[], last: string[]) => ({
    "src/list.txt": lines("=======", ...first, ...many, ...last, "end", ""),
    "quiet.txt": "same\n",
  });
  await merge(
    drive,
    { base: file(["one"], ["two"]), ours: file(["one a"], ["two a"]), theirs: file(["one b"], ["two b"]) },
    style,
  );
  expect(text(drive, "src/list.txt").match(/^<{7}/gm)).toHaveLength(2);
  const failure =
    '"src/list.txt" was changed on both sides; what does not fit stands between conflict markers.';
  const { finished } = await drive.task("fixer", 1, `<failure>${failure}</failure>`);
  expect(finished).toMatchObject({ files_changed: ["src/list.txt"] });
  expect(text(drive, "src/list.txt")).toBe(
    lines("=======", "one a", "one b", ...many, "two a", "two b", "end", ""),
  );
});

it("merges conflicts that read alike, and files that both sides added", async () => {
  const drive = start();
  const twice = (word: string) => lines(word, ...many, word, "end");
  await merge(
    drive,
    {
      base: { "twice.txt": twice("x") },
      ours: { "twice.txt": twice("a"), "new.txt": "ours\n" },
      theirs: { "twice.txt": twice("b"), "new.txt": "theirs\n" },
    },
    "merge",
  );
  const { finished } = await drive.task("fixer", 1, "<failure>&lt; conflict markers in two files</failure>");
  expect(finished?.files_changed).toEqual(expect.arrayContaining(["new.txt", "twice.txt"]));
  expect(text(drive, "twice.txt")).toBe(lines("a", "b", ...many, "a", "b", "end"));
  expect(text(drive, "new.txt")).toBe("ours\ntheirs\n");
});

it("changes nothing where no marker is left", async () => {
  const drive = start();
  drive.seed({ "a.txt": "a\n" });
  const { finished } = await drive.task("fixer", 1, "<failure>a.txt: <<<<<<< ours</failure>");
  expect(finished).toMatchObject({ files_changed: [] });
  expect(text(drive, "a.txt")).toBe("a\n");
});
