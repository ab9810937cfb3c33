import type { PackageTask } from "../task";

/** Its tests of child processes expect to be run without further options of Node: known to be red before. */
export const commander: PackageTask = {
  name: "commander-suggestions",
  stack: "node",
  source: { debian: "node-commander", version: "9.4.1" },
  title: "Two swapped letters are not recognised any more",
  description: `Typing \`act\` where the program has the command \`cat\` used to be answered with "Did you mean cat?".
Now there is no suggestion, while other small slips (a letter too many, one missing) still get one.`,
  inject: [
    {
      file: "lib/suggestSimilar.js",
      find: "if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {",
      replace: "if (i > 1 && j > 1 && a[i - 1] === b[j - 1] && a[i - 2] === b[j - 2]) {",
    },
  ],
  addTest: [
    {
      file: "tests/help.swappedLetters.test.js",
      content: `const { Command } = require('../');

test.each([['act', 'cat'], ['biuld', 'build']])('when %s is typed then %s is suggested', (typed, command) => {
  const program = new Command();
  let message = '';
  program
    .exitOverride()
    .configureOutput({ writeErr: (text) => { message += text; } });
  program.command(command);
  expect(() => program.parse([typed], { from: 'user' })).toThrow();
  expect(message).toContain(\`Did you mean \${command}?\`);
});
`,
    },
  ],
  suite: ["tests"],
  redBefore: true,
};
