import type { PackageTask } from "../task";

/** One of its test files needs a package that is not installed offline: known to be red before anything is done. */
export const contentType: PackageTask = {
  name: "content-type-order",
  stack: "node",
  source: { debian: "node-content-type", version: "1.0.5" },
  title: "Equal media types are formatted differently",
  description: `We use the formatted text as a key of a cache. Two objects with the same parameters give different
texts now, depending on how the object was put together. It was always the same text before.`,
  inject: [{ file: "index.js", find: "Object.keys(parameters).sort()", replace: "Object.keys(parameters)" }],
  addTest: [
    {
      file: "test/stable-format.js",
      content: `'use strict'

var assert = require('assert')
var contentType = require('..')

describe('contentType.format of equal objects', function () {
  it('gives equal texts', function () {
    var one = contentType.format({ type: 'text/plain', parameters: { format: 'flowed', charset: 'utf-8' } })
    var other = contentType.format({ type: 'text/plain', parameters: { charset: 'utf-8', format: 'flowed' } })
    assert.strictEqual(one, other)
  })
})
`,
    },
  ],
  suite: ["test"],
  redBefore: true,
};
