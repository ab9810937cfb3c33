// Resolution hook: a package that the project names but has not installed is taken from the toolchain folder, if it
// is one of the tools below. Projects' configuration files import them, and sandboxes have no network to install them.
const OFFERED = new Set([
  ...[
    "eslint",
    "@eslint/js",
    "globals",
    "typescript-eslint",
    "@typescript-eslint/parser",
    "@typescript-eslint/eslint-plugin",
  ],
  ...["vitest", "vite", "jest", "@jest/globals", "typescript"],
]);
const OURS = new URL("../package.json", import.meta.url).href;

function packageOf(specifier) {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
}

/** Node's `resolve` hook. */
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || !OFFERED.has(packageOf(specifier))) throw error;
    return next(specifier, { ...context, parentURL: OURS });
  }
}
