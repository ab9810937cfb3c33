import type { PackageTask } from "../task";

export const bytes: PackageTask = {
  name: "bytes-decimals",
  stack: "node",
  source: { debian: "node-bytes", version: "3.1.2" },
  title: "Asking for zero decimal places still prints decimals",
  description: `We show sizes without a fraction, with \`bytes.format(1536, { decimalPlaces: 0 })\`.
Since the last release this gives "1.5KB" where it used to give "2KB". Other numbers of places work.`,
  inject: [
    {
      file: "index.js",
      find: "(options && options.decimalPlaces !== undefined) ? options.decimalPlaces : 2;",
      replace: "(options && options.decimalPlaces) || 2;",
    },
  ],
  addTest: [
    {
      file: "test/zero-decimals.js",
      content: `'use strict';

var assert = require('assert');
var bytes = require('..');

describe('format without decimals', function () {
  it('rounds to whole units', function () {
    assert.strictEqual(bytes.format(1536, { decimalPlaces: 0 }), '2KB');
  });

  it('keeps two places when nothing is said', function () {
    assert.strictEqual(bytes.format(1234567), '1.18MB');
  });
});
`,
    },
  ],
  suite: ["test"],
  hidden: ["test/byte-format.js"],
};
