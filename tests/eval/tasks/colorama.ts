import type { PackageTask } from "../task";

export const colorama: PackageTask = {
  name: "colorama-parameters",
  stack: "python",
  source: { debian: "python-colorama", version: "0.4.6" },
  title: "Some colour codes end up in log files",
  description: `A program's output goes through \`AnsiToWin32\` into a file. Simple colours are left out, as they
should be, but bold red on black (\`ESC[1;31;40m\`) stands in the file as it was written.`,
  inject: [
    {
      file: "colorama/ansitowin32.py",
      find: "((?:\\\\d|;)*)([a-zA-Z])",
      replace: "(\\\\d*(?:;\\\\d*)?)([a-zA-Z])",
    },
  ],
  addTest: [
    {
      file: "colorama/tests/parameters_test.py",
      content: `from io import StringIO
from unittest import TestCase

from ..ansitowin32 import AnsiToWin32


class ParametersTest(TestCase):
    def test_codes_with_any_number_of_parameters_are_left_out(self):
        for code in ("0", "31", "1;31", "1;31;40", "38;2;10;20;30"):
            with self.subTest(code=code):
                out = StringIO()
                AnsiToWin32(out).stream.write(f"\\033[{code}mred\\033[0m plain")
                self.assertEqual(out.getvalue(), "red plain")
`,
    },
  ],
  suite: ["colorama/tests"],
};
