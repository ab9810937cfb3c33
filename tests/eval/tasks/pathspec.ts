import type { PackageTask } from "../task";

export const pathspec: PackageTask = {
  name: "pathspec-directories",
  stack: "python",
  source: { debian: "python-pathspec", version: "0.12.1" },
  title: "A directory pattern ignores only the directory at the top",
  description: `Our ignore file says \`build/\`. \`build/a.o\` is ignored, \`lib/build/a.o\` is not. Git ignores both,
and the pattern \`build\` without the slash works here, too.`,
  inject: [
    {
      file: "pathspec/patterns/gitwildmatch.py",
      find: "elif len(pattern_segs) == 1 or (len(pattern_segs) == 2 and not pattern_segs[1]):",
      replace: "elif len(pattern_segs) == 1:",
    },
  ],
  addTest: [
    {
      file: "tests/test_05_directories.py",
      content: `import unittest

from pathspec import PathSpec


class DirectoryPatternTest(unittest.TestCase):
    def test_matches_at_every_level(self):
        spec = PathSpec.from_lines("gitwildmatch", ["build/"])
        paths = ["build/a.o", "lib/build/a.o", "build", "rebuild/a.o"]
        self.assertEqual(set(spec.match_files(paths)), {"build/a.o", "lib/build/a.o"})


if __name__ == "__main__":
    unittest.main()
`,
    },
  ],
  suite: ["tests"],
  hidden: ["tests/test_02_gitwildmatch.py"],
};
