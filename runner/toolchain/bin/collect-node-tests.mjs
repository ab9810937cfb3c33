// Lists the tests of JavaScript and TypeScript files without running them, by reading their syntax trees.
// A name that only exists at run time (a variable, a table row, a helper's caller) becomes the wildcard `{*}`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@babel/parser";

export const WILDCARD = "{*}";
const SUITES = new Set(["describe", "suite", "context"]);
const TESTS = new Set(["test", "it", "specify"]);
const ALIASES = { fdescribe: "describe", xdescribe: "describe", fit: "it", xit: "it", xtest: "test" };
const TABLE_MODIFIERS = new Set(["each", "for"]);
const CONDITION_MODIFIERS = new Set(["if", "skipIf", "runIf", "extend"]);
const MODIFIERS = new Set([
  ...["only", "skip", "todo", "concurrent", "sequential", "shuffle", "fails", "failing"],
  ...TABLE_MODIFIERS,
  ...CONDITION_MODIFIERS,
]);
const SKIPPED_KEYS = new Set([
  "loc",
  "start",
  "end",
  "leadingComments",
  "trailingComments",
  "innerComments",
  "extra",
]);

function parseFile(path, text) {
  const typescript = /\.[cm]?tsx?$/.test(path);
  const plugins = typescript ? ["typescript", "decorators"] : ["decorators"];
  // In .ts files `<T>x` is a cast, which the JSX plugin would not understand.
  if (!/\.[cm]?ts$/.test(path)) plugins.push("jsx");
  return parse(text, {
    sourceType: "unambiguous",
    allowReturnOutsideFunction: true,
    errorRecovery: true,
    plugins,
  });
}

/** Local names under which the test functions are known in this file, e.g. `t` for `import { test as t }`. */
function localNames(program) {
  const names = new Map(Object.entries(ALIASES));
  for (const name of [...SUITES, ...TESTS]) names.set(name, name);
  const bind = (local, imported) => {
    if (SUITES.has(imported) || TESTS.has(imported)) names.set(local, imported);
    if (imported === "default") names.set(local, "test");
  };
  for (const node of program.body) {
    if (node.type === "ImportDeclaration" && isTestModule(node.source.value)) {
      for (const one of node.specifiers) {
        if (one.type === "ImportDefaultSpecifier") bind(one.local.name, "default");
        else if (one.type === "ImportSpecifier")
          bind(one.local.name, one.imported.name ?? one.imported.value);
        else names.set(one.local.name, "namespace");
      }
    }
    if (node.type !== "VariableDeclaration") continue;
    for (const { id, init } of node.declarations) bindRequire(id, init, bind, names);
  }
  return names;
}

function bindRequire(id, init, bind, names) {
  const member = init?.type === "MemberExpression" ? (init.property.name ?? null) : null;
  const call = member ? init.object : init;
  const required = isRequire(call);
  const fromTest = init?.type === "Identifier" && names.has(init.name);
  if (!required && !fromTest) return;
  if (id.type === "Identifier") bind(id.name, member ?? "default");
  if (id.type !== "ObjectPattern") return;
  for (const property of id.properties) {
    if (property.type === "ObjectProperty" && property.value.type === "Identifier") {
      bind(property.value.name, property.key.name);
    }
  }
}

function isRequire(node) {
  return (
    node?.type === "CallExpression" &&
    node.callee.name === "require" &&
    isTestModule(node.arguments[0]?.value)
  );
}

function isTestModule(name) {
  return ["node:test", "test", "vitest", "@jest/globals"].includes(name);
}

/**
 * Reads a callee such as `test`, `it.only`, `describe.each(table)`, `test.describe.skip` or `t.test`.
 * @returns {{ kind: "suite" | "test", modifiers: string[] } | null}
 */
function readCallee(callee, names, contexts) {
  const path = [];
  let node = callee;
  for (;;) {
    if (node.type === "MemberExpression" && !node.computed) {
      path.unshift(node.property.name);
      node = node.object;
    } else if (isRequire(node)) return path.length > 0 ? describeCallee("test", path, []) : null;
    else if (node.type === "CallExpression") node = node.callee;
    else if (node.type === "TaggedTemplateExpression") node = node.tag;
    else break;
  }
  if (node.type !== "Identifier") return null;
  if (contexts.has(node.name))
    return path.length === 1 && path[0] === "test" ? { kind: "test", modifiers: [] } : null;
  const bound = names.get(node.name);
  if (!bound) return null;
  if (bound === "namespace" && path.length === 0) return null;
  return describeCallee(bound, path, ALIASES[node.name] && node.name.startsWith("x") ? ["skip"] : []);
}

function describeCallee(bound, path, modifiers) {
  let kind = SUITES.has(bound) ? "suite" : "test";
  for (const word of path) {
    if (SUITES.has(word)) kind = "suite";
    else if (TESTS.has(word)) kind = "test";
    else if (MODIFIERS.has(word)) modifiers.push(word);
    else return null;
  }
  return { kind, modifiers };
}

/** The name that a title argument will have, with wildcards for what cannot be known here; null when it is no title. */
function readTitle(node) {
  if (!node) return null;
  if (node.type === "StringLiteral") return node.value;
  if (node.type === "TemplateLiteral")
    return node.quasis.map((part) => part.value.cooked ?? "").join(WILDCARD);
  if (node.type === "BinaryExpression" && node.operator === "+") {
    return `${readTitle(node.left) ?? WILDCARD}${readTitle(node.right) ?? WILDCARD}`;
  }
  if (/Function|Class/.test(node.type)) return node.id?.name ?? "<anonymous>";
  return WILDCARD;
}

/** Placeholders that jest and vitest fill in from the rows of a table. */
function tableTitle(title) {
  return title.replace(/%%|%[a-zA-Z#$]|\$[A-Za-z_#][\w.]*/g, (mark) => (mark === "%%" ? "%" : WILDCARD));
}

function isFunction(node) {
  return node?.type === "ArrowFunctionExpression" || node?.type === "FunctionExpression";
}

/** Whether Node's runner will not even enter the body: `.skip`, `.todo` or a literal `{ skip: true }`. */
function leavesOut(modifiers, args) {
  if (modifiers.includes("skip") || modifiers.includes("todo")) return true;
  const options = args.find((one) => one.type === "ObjectExpression");
  return (options?.properties ?? []).some((one) => one.key?.name === "skip" && isTruthyLiteral(one.value));
}

function isTruthyLiteral(node) {
  return (node.type === "BooleanLiteral" || node.type === "StringLiteral") && Boolean(node.value);
}

/** @returns {string[]} names of all tests in the file, each as its path of titles joined with `::` */
export function testNames(path, text, runner) {
  const { program } = parseFile(path, text);
  const names = localNames(program);
  const found = [];
  const visit = (node, titles, contexts, indirect) => {
    if (!node || typeof node.type !== "string") return;
    let args = null;
    if (node.type === "CallExpression") {
      const callee = readCallee(node.callee, names, contexts);
      // `describe.each(table)` is itself the callee of the call that carries the title.
      const isTable = callee && TABLE_MODIFIERS.has(node.callee.property?.name);
      const isCondition = callee && CONDITION_MODIFIERS.has(node.callee.property?.name);
      if (callee && !isTable && !isCondition && node.arguments.length > 0)
        args = { callee, list: node.arguments };
    }
    if (!args) {
      // A helper function may be called from anywhere, any number of times, so its tests have unknown parents.
      const helper = /Function|ObjectMethod|ClassMethod/.test(node.type) && !node.invokedInPlace;
      for (const child of childrenOf(node)) visit(child, titles, contexts, indirect || helper);
      return;
    }
    const { callee, list } = args;
    let title = readTitle(list[0]) ?? WILDCARD;
    if (callee.modifiers.some((word) => TABLE_MODIFIERS.has(word))) title = tableTitle(title);
    const path = [...titles, indirect ? `${WILDCARD}${title}` : title];
    const body = list.findLast(isFunction);
    const wholeSkipped = runner === "node-test" && leavesOut(callee.modifiers, list);
    if (callee.kind === "test" || wholeSkipped) found.push(path.join("::"));
    if (!body || wholeSkipped) return;
    const inner = new Set(contexts);
    if (callee.kind === "test" && body.params[0]?.type === "Identifier") inner.add(body.params[0].name);
    visit(body.body, path, inner, false);
  };
  markInvoked(program);
  visit(program, [], new Set(), false);
  return found;
}

/** Functions that run where they stand: loop bodies given to array methods, and immediately called ones. */
function markInvoked(root) {
  const methods = new Set(["forEach", "map", "flatMap", "filter", "reduce"]);
  const visit = (node) => {
    if (!node || typeof node.type !== "string") return;
    if (node.type === "CallExpression") {
      if (isFunction(node.callee)) node.callee.invokedInPlace = true;
      if (methods.has(node.callee.property?.name)) {
        for (const one of node.arguments) if (isFunction(one)) one.invokedInPlace = true;
      }
    }
    for (const child of childrenOf(node)) visit(child);
  };
  visit(root);
}

function childrenOf(node) {
  return Object.entries(node).flatMap(([key, value]) => {
    if (SKIPPED_KEYS.has(key) || !value || typeof value !== "object") return [];
    return Array.isArray(value) ? value : [value];
  });
}

/** Writes the ids of a group's tests. */
export function collect(report, workspace, group) {
  for (const file of group.files) {
    try {
      const names = testNames(file, readFileSync(join(workspace, file), "utf8"), group.runner);
      // No test call to be seen: helpers define them, or (for Node's runner) the file itself is the test.
      if (names.length === 0)
        report.found(group.runner === "node-test" ? `${file}${WILDCARD}` : `${file}::${WILDCARD}`);
      for (const name of names) report.found(`${file}::${name}`);
    } catch (error) {
      report.error(`${file} cannot be read: ${error?.message ?? error}`);
    }
  }
}
