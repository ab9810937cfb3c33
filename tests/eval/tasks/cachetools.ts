import type { PackageTask } from "../task";

export const cachetools: PackageTask = {
  name: "cachetools-size",
  stack: "python",
  source: { debian: "python-cachetools", version: "5.3.3" },
  title: "A cache grows beyond its maximum when an item is replaced",
  description: `With a \`getsizeof\` function, \`currsize\` can become larger than \`maxsize\`: fill a cache, then
assign a larger value to a key that is already in it. Nothing is evicted.`,
  inject: [
    {
      file: "src/cachetools/__init__.py",
      find: "if key not in self.__data or self.__size[key] < size:",
      replace: "if key not in self.__data:",
    },
  ],
  addTest: [
    {
      file: "tests/test_replace.py",
      content: `import unittest

import cachetools


class ReplaceTest(unittest.TestCase):
    def test_replacing_with_a_larger_item_evicts(self):
        for kind in (cachetools.Cache, cachetools.LRUCache, cachetools.LFUCache):
            with self.subTest(kind=kind.__name__):
                cache = kind(maxsize=3, getsizeof=lambda size: size)
                cache["a"] = 1
                cache["b"] = 1
                cache["b"] = 3
                self.assertLessEqual(cache.currsize, 3)
                self.assertEqual(cache["b"], 3)


if __name__ == "__main__":
    unittest.main()
`,
    },
  ],
  suite: ["tests"],
};
