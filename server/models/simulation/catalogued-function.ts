// One entry of the catalogue of functions: both languages, examples for tests, and a mistake it can be made with.

export interface FunctionExample {
  args: (string | number)[];
  /** The expected result; absent where the arguments must be refused. */
  result?: unknown;
}

export interface CataloguedFunction {
  id: string;
  /** Matches a request in plain lower case. */
  pattern: RegExp;
  /** Further ones that match: the first of a pair and, anywhere behind it, the second. One `.*` would try each with each. */
  inOrder?: [first: RegExp, then: RegExp][];
  about: string;
  params: { name: string; type: "text" | "integer" | "number" }[];
  /** Body of the module below its docstring; raises Invalid for wrong input. */
  python: string;
  /** Module text below its imports; throws invalid(...) for wrong input. */
  node: string;
  examples: FunctionExample[];
  /** A passage of each version, and what it becomes by mistake. */
  bug: { python: [right: string, wrong: string]; node: [right: string, wrong: string]; why: string };
}
