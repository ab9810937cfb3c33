import type { PackageTask } from "../task";

export const sourceMap: PackageTask = {
  name: "source-map-relative",
  stack: "node",
  source: { debian: "node-source-map", version: "0.7.0++dfsg2+really.0.6.1" },
  commands: { test: "node test/run-tests.js" },
  title: "Relative paths between neighbouring folders are one level off",
  description: `With the root \`/the/root\`, the file \`/the/other.js\` comes out as \`other.js\` and not as a path
that leads out of the root. Files below the root are right.`,
  inject: [
    { file: "lib/util.js", find: `Array(level + 1).join("../")`, replace: `Array(level).join("../")` },
  ],
  mend: [{ file: "lib/util.js", find: `Array(level).join("../")`, replace: `"../".repeat(level)` }],
  addTest: [
    {
      file: "test/test-relative.js",
      content: `var util = require('../lib/util');

exports['test a path beside the root'] = function (assert) {
  assert.equal(util.relative('/the/root', '/the/other.js'), '../other.js');
};

exports['test a path two levels up'] = function (assert) {
  assert.equal(util.relative('/a/b/c', '/a/d.js'), '../../d.js');
};
`,
    },
  ],
  suite: ["test"],
};
