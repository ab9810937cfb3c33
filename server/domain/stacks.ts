// The technology names that a job may ask for, and the toolchain that each one means.
// A workspace may need several toolchains; unknown names are refused with this list.

export type Toolchain = "python" | "node";

/** Accepted names (lower case) and their toolchain. */
export const STACKS = {
  python: "python",
  fastapi: "python",
  flask: "python",
  django: "python",
  pytest: "python",
  node: "node",
  nodejs: "node",
  javascript: "node",
  typescript: "node",
  express: "node",
  react: "node",
  vue: "node",
  nextjs: "node",
  vite: "node",
} as const satisfies Record<string, Toolchain>;

export type StackName = keyof typeof STACKS;

export const STACK_NAMES = Object.keys(STACKS) as StackName[];

const ALIASES = new Map<string, StackName>([
  ["node.js", "node"],
  ["next.js", "nextjs"],
  ["py", "python"],
  ["python3", "python"],
  ["js", "javascript"],
  ["ts", "typescript"],
  ["react.js", "react"],
  ["vue.js", "vue"],
]);

/**
 * Reads a comma list such as "Python, FastAPI".
 * @returns known names in order without repeats, and the names that are unknown
 */
export function parseStack(list: string): { names: StackName[]; unknown: string[] } {
  const names: StackName[] = [];
  const unknown: string[] = [];
  for (const raw of list.split(",")) {
    const word = raw.trim().toLowerCase();
    if (!word) continue;
    const name = Object.hasOwn(STACKS, word) ? (word as StackName) : ALIASES.get(word);
    if (!name) unknown.push(raw.trim());
    else if (!names.includes(name)) names.push(name);
  }
  return { names, unknown };
}

/** The toolchains behind a list of stack names, in order of first mention. */
export function toolchainsOf(names: readonly string[]): Toolchain[] {
  const found: Toolchain[] = [];
  for (const name of names) {
    const toolchain = Object.hasOwn(STACKS, name) ? STACKS[name as StackName] : null;
    if (toolchain && !found.includes(toolchain)) found.push(toolchain);
  }
  return found;
}
