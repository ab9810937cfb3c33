// Finds the ruff settings that govern a Python file (ruff.toml, .ruff.toml or [tool.ruff] of pyproject.toml, the
// nearest one upwards, `extend` followed) and splits off what ruff's wasm build cannot do itself: it sees no paths,
// so excludes and per-file ignores are applied here.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parse } from "smol-toml";

/** For projects without settings: pyflakes, pycodestyle and import order, lines up to 100 columns. */
const OURS = {
  "line-length": 100,
  "target-version": "py311",
  lint: { select: ["E", "F", "W", "I"] },
};
/** A package's __init__.py re-exports names; without a path the wasm build cannot know that. */
const OUR_PER_FILE = { "__init__.py": ["F401"] };
/** @returns {{ path: string | null, options: object, perFile: object, excludes: string[], base: string }} */
export function settingsFor(root, file, cache) {
  for (let folder = dirname(join(root, file)); ; folder = dirname(folder)) {
    if (!cache.has(folder)) cache.set(folder, readFolder(root, folder));
    const found = cache.get(folder);
    if (found) return found;
    if (folder === root || folder === dirname(folder)) break;
  }
  if (!cache.has("")) cache.set("", split(root, root, null, OURS, OUR_PER_FILE));
  return cache.get("");
}

function readFolder(root, folder) {
  for (const name of [".ruff.toml", "ruff.toml", "pyproject.toml"]) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const raw = readSection(path);
    if (raw) return split(root, folder, path, follow(path, raw, 0), {});
  }
  return null;
}

/** The ruff section of a settings file, or null where pyproject.toml has none. Throws on broken TOML. */
function readSection(path) {
  const parsed = parse(readFileSync(path, "utf8"));
  return path.endsWith("pyproject.toml") ? (parsed.tool?.ruff ?? null) : parsed;
}

function follow(path, own, depth) {
  if (typeof own.extend !== "string" || depth > 5) return own;
  const parentPath = resolve(dirname(path), own.extend);
  const parent = follow(parentPath, readSection(parentPath) ?? {}, depth + 1);
  return { ...parent, ...own, lint: { ...(parent.lint ?? {}), ...(own.lint ?? {}) } };
}

function split(root, base, path, raw, perFileDefault) {
  const { extend: _followed, ...options } = structuredClone(raw);
  options.lint ??= {};
  // Old files keep lint options at the top level.
  const tables = [options, options.lint];
  const take = (key) => tables.map((table) => table[key] ?? null);
  const excludes = [...take("exclude"), ...take("extend-exclude")].flatMap(list);
  const perFile = Object.assign(
    {},
    perFileDefault,
    ...take("per-file-ignores"),
    ...take("extend-per-file-ignores"),
  );
  const isort = options.lint.isort ?? options.isort ?? {};
  delete options.isort;
  if (!isort["known-first-party"]) {
    options.lint.isort = { ...isort, "known-first-party": firstParty(base, list(raw.src)) };
  }
  return { path: path && relative(root, path), options, perFile, excludes, base: relative(root, base) };
}

/** ruff counts modules below the project and its `src` as first-party; the wasm build sees no disk, so they are named. */
function firstParty(base, sources) {
  const names = new Set();
  for (const folder of [".", "src", ...sources]) {
    const path = join(base, folder);
    if (!existsSync(path)) continue;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const name = entry.isDirectory() ? entry.name : entry.name.replace(/\.pyi?$/, "");
      if (entry.isFile() && name === entry.name) continue;
      if (/^[A-Za-z_]\w*$/.test(name)) names.add(name);
    }
  }
  return [...names].sort();
}

function list(value) {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/**
 * Whether ruff's glob `pattern` matches a file: the whole relative path, or any single part of it.
 * @param {string} path relative to the folder of the settings
 */
export function matchesGlob(pattern, path) {
  const clean = pattern.replace(/^\.\//, "").replace(/\/$/, "");
  const expression = new RegExp(`^${toExpression(clean)}$`);
  if (expression.test(path)) return true;
  const parts = path.split("/");
  return parts.some((part, at) => expression.test(part) || expression.test(parts.slice(0, at + 1).join("/")));
}

function toExpression(glob) {
  return glob.replace(/\*\*\/|\*\*|\*|\?|\{[^}]*\}|[.+^$()|[\]\\{}]/g, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (token.startsWith("{") && token.endsWith("}")) {
      return `(?:${token.slice(1, -1).split(",").map(toExpression).join("|")})`;
    }
    return `\\${token}`;
  });
}
