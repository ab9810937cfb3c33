// For tests: small repositories of several kinds, as a change job finds them.

export type Files = Record<string, string>;

/** The smallest request that a change job can do something about. */
export const ADD_SLUGIFY = {
  kind: "change" as const,
  title: "Add slugify",
  description: "",
  features: [],
  stack: [],
  toolchains: [],
  context: null,
};

export const NODE_ESM: Files = {
  "package.json": '{ "name": "shop", "type": "module", "scripts": { "test": "node --test" } }\n',
  "README.md": "# Shop\n",
  "src/index.js": 'export { total } from "./price.js";\n',
  "src/price.js": "export function total(items) {\n  return items.length;\n}\n",
  "test/price.test.js":
    'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { total } from "../src/price.js";\n\ntest("total", () => assert.equal(total([1]), 1));\n',
};
export const NODE_CJS: Files = {
  "package.json": '{ "name": "shop", "scripts": { "test": "jest" }, "devDependencies": { "jest": "^29" } }\n',
  "lib/orderLines.js":
    "'use strict'\n\nfunction count (lines) {\n  return lines.length\n}\n\nmodule.exports = { count }\n",
  "lib/__tests__/orderLines.test.js":
    "const { count } = require('../orderLines')\n\ntest('count', () => {\n  expect(count([])).toBe(0)\n})\n",
};
export const VITEST_TS: Files = {
  "package.json": '{ "name": "shop", "type": "module", "devDependencies": { "vitest": "^4" } }\n',
  "tsconfig.json": '{ "compilerOptions": { "strict": true } }\n',
  "src/price.ts": "export const total = (items: number[]): number => items.length;\n",
  "src/price.spec.ts":
    'import { expect, it } from "vitest";\nimport { total } from "./price";\n\nit("total", () => expect(total([1])).toBe(1));\n',
};
export const PYTHON: Files = {
  "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
  "shop/__init__.py": '"""Shop."""\n',
  "shop/price.py": "def total(items):\n    return len(items)\n",
  "tests/__init__.py": "",
  "tests/test_price.py":
    "import unittest\n\nfrom shop.price import total\n\n\nclass PriceTest(unittest.TestCase):\n    def test_total(self):\n        self.assertEqual(total([1]), 1)\n",
};
export const PYTEST: Files = {
  "setup.py": "from setuptools import setup\n\nsetup(name='shop')\n",
  "src/shop/__init__.py": "",
  "src/shop/price.py": "def total(items):\n    return len(items)\n",
  "tests/conftest.py": 'import sys\n\nsys.path.insert(0, "src")\n',
  "tests/test_price.py":
    "import pytest\n\nfrom shop.price import total\n\n\ndef test_total():\n    assert total([1]) == 1\n",
};

/** A wish for each function of the catalogue. */
export const WISHES = [
  "Slugify titles",
  "Parse CSV files",
  "Verify e-mail",
  "Palindromes",
  "Word count",
  "Parse config",
  "Fibonacci",
  "Prime factors",
  "Factorial",
  "Roman numerals",
  "Temperatures",
  "Calculate expressions",
];
