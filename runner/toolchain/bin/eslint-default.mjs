// The eslint configuration for projects that bring none: recommended rules, Node and browser globals, JSX, TypeScript.
// typescript-eslint is loaded only when asked for, because it costs as much time as eslint itself.
import js from "@eslint/js";
import globals from "globals";

const TEST_GLOBALS = { ...globals.jest, ...globals.vitest };
const unused = ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" }];

/** @param {boolean} withTypeScript whether the project has TypeScript files */
export async function defaultConfig(withTypeScript) {
  const base = [
    js.configs.recommended,
    {
      files: ["**/*.{js,mjs,cjs,jsx,ts,mts,cts,tsx}"],
      languageOptions: {
        ecmaVersion: "latest",
        sourceType: "module",
        globals: { ...globals.browser, ...globals.node, ...TEST_GLOBALS },
        parserOptions: { ecmaFeatures: { jsx: true } },
      },
      rules: { "no-unused-vars": unused },
    },
    { files: ["**/*.cjs"], languageOptions: { sourceType: "commonjs" } },
  ];
  if (!withTypeScript) return base;
  const { default: tseslint } = await import("typescript-eslint");
  const files = ["**/*.{ts,mts,cts,tsx}"];
  return [
    ...base,
    ...tseslint.configs.recommended.map((config) => ({ ...config, files })),
    {
      files,
      rules: {
        "no-unused-vars": "off",
        "@typescript-eslint/no-unused-vars": unused,
        "@typescript-eslint/no-explicit-any": "warn",
      },
    },
  ];
}
