import type { PackageTask } from "../task";

export const decorator: PackageTask = {
  name: "decorator-defaults",
  stack: "python",
  source: { debian: "python-decorator", version: "5.2.1" },
  commands: { test: "PYTHONPATH=src python3 -B -m unittest discover -s tests -p 'test*.py'" },
  title: "A caller no longer gets arguments that were left at their defaults",
  description: `Our tracing decorator prints the arguments of each call. For \`def connect(host, port=80)\` and
\`connect("example")\` it now prints \`("example",)\`; it used to print \`("example", 80)\`.`,
  inject: [
    {
      file: "src/decorator.py",
      find: "ba.apply_defaults()  # needed for test_dan_schult",
      replace: "# What was not given is left to the function.",
    },
  ],
  mend: [
    {
      file: "src/decorator.py",
      find: "# What was not given is left to the function.",
      replace: "ba.apply_defaults()",
    },
  ],
  addTest: [
    {
      file: "tests/test_defaults.py",
      content: `import unittest

from decorator import decorator

SEEN = []


@decorator
def traced(func, *args, **kw):
    SEEN.append((args, kw))
    return func(*args, **kw)


@traced
def connect(host, port=80):
    return f"{host}:{port}"


class DefaultsTest(unittest.TestCase):
    def setUp(self):
        SEEN.clear()

    def test_defaults_are_passed_on(self):
        self.assertEqual(connect("example"), "example:80")
        self.assertEqual(SEEN, [(("example", 80), {})])

    def test_what_is_given_wins(self):
        self.assertEqual(connect("example", port=81), "example:81")
        self.assertEqual(SEEN, [(("example", 81), {})])


if __name__ == "__main__":
    unittest.main()
`,
    },
  ],
  suite: ["tests"],
};
