import type { PackageTask } from "../task";

export const xmltodict: PackageTask = {
  name: "xmltodict-force-list",
  stack: "python",
  source: { debian: "python-xmltodict", version: "0.13.0" },
  title: "The path given to a force_list function includes the element itself",
  description: `\`force_list\` may be a function of path, key and value. The path should be that of the parents, as
in earlier versions; now its last entry is the element that is being decided on, so that functions which look at
\`path[-1]\` for the parent's name never match.`,
  inject: [
    {
      file: "xmltodict.py",
      find: "return self.force_list(self.path[:-1], key, value)",
      replace: "return self.force_list(self.path, key, value)",
    },
  ],
  addTest: [
    {
      file: "tests/test_force_list_path.py",
      content: `import unittest

import xmltodict


class ForceListPathTest(unittest.TestCase):
    def test_the_path_ends_with_the_parent(self):
        seen = {}

        def force(path, key, value):
            seen[key] = [name for name, _ in path]
            return False

        xmltodict.parse("<a><b><c>1</c></b></a>", force_list=force)
        self.assertEqual(seen, {"c": ["a", "b"], "b": ["a"], "a": []})


if __name__ == "__main__":
    unittest.main()
`,
    },
  ],
  suite: ["tests"],
  hidden: ["tests/test_xmltodict.py"],
};
