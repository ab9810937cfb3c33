// What a folder's Python manifests say about installing and checking it. They are looked at by pattern and never run:
// a setup.py is code, and for a proposal it is enough to see which names it mentions.
import type { ProjectView, Proposal } from "./project-view";

const PIP = "python3 -m pip install";
/** Requirements that a developer of the project needs, in the order of installing. */
const REQUIREMENTS = [
  "requirements.txt",
  "requirements/base.txt",
  "requirements-dev.txt",
  "requirements_dev.txt",
  "dev-requirements.txt",
  "requirements-test.txt",
  "requirements_test.txt",
  "requirements-tests.txt",
  "test-requirements.txt",
  "tests/requirements.txt",
  "test_requirements.txt",
  "requirements/dev.txt",
  "requirements/test.txt",
  "requirements/tests.txt",
  "requirements/testing.txt",
];
const FRAMEWORKS = ["fastapi", "flask", "django", "pytest"];
const TEST_EXTRAS = ["test", "tests", "testing"];
const OTHER_LINTERS = ["flake8", "pylint", "pycodestyle"];

/** Tools with a lock file of their own, and how their list becomes one that pip installs. */
const LOCKS: [file: string, tool: string, line: string][] = [
  ["uv.lock", "uv", exporting("uv", "uv export --frozen --no-hashes --output-file")],
  [
    "poetry.lock",
    "poetry",
    `${PIP} poetry && POETRY_VIRTUALENVS_CREATE=false python3 -m poetry install --no-interaction`,
  ],
  ["pdm.lock", "pdm", exporting("pdm", "pdm export --without-hashes --output")],
  ["Pipfile.lock", "pipenv", exporting("pipenv", "pipenv requirements --dev >")],
];

function exporting(tool: string, command: string): string {
  const list = "/tmp/fabrica-requirements.txt";
  return `${PIP} ${tool} && python3 -m ${command} ${list} && ${PIP} -r ${list}`;
}

interface Manifests {
  pyproject: string;
  setupCfg: string;
  setupPy: string;
}

/** What is proposed for a folder with Python. */
export function pythonProposal(view: ProjectView): Proposal {
  const manifests = {
    pyproject: view.read("pyproject.toml") ?? "",
    setupCfg: view.read("setup.cfg") ?? "",
    setupPy: view.read("setup.py") ?? "",
  };
  const lists = REQUIREMENTS.filter((name) => view.has(name));
  const said = [
    ...Object.values(manifests),
    view.read("Pipfile") ?? "",
    ...lists.map((name) => view.read(name)),
  ];
  const mentioned = said.filter(Boolean).join("\n").toLowerCase();
  const { setup, notes } = setupOf(view, manifests, lists);
  const test = djangoTests(view) ? "python3 manage.py test" : null;
  return {
    techStack: ["python", ...FRAMEWORKS.filter((name) => new RegExp(`\\b${name}\\b`).test(mentioned))],
    setup,
    lint: null,
    test,
    notes: [...notes, ...lintNotes(view, manifests), ...groupNotes(manifests)],
  };
}

function setupOf(view: ProjectView, manifests: Manifests, lists: readonly string[]) {
  const locks = LOCKS.filter(([file]) => view.has(file));
  const [lock] = locks;
  const notes =
    locks.length > 1
      ? [`There are lock files of ${locks.map(([, tool]) => tool).join(" and ")}; ${lock?.[1]} is proposed.`]
      : [];
  if (lock) return { setup: lock[2], notes };
  const wanted = lists.map((name) => `-r ${name}`);
  const self = packageArgument(view, manifests);
  if (self) wanted.push(self);
  if (view.has("environment.yml") && wanted.length === 0)
    notes.push("environment.yml is for conda, which the sandbox does not have: name a setup command.");
  return { setup: wanted.length > 0 ? `${PIP} ${wanted.join(" ")}` : null, notes };
}

/**
 * The project itself as an argument of pip, editable, so that tests see what is changed; null when its tests can be
 * run from its folder as it is.
 */
function packageArgument(view: ProjectView, { pyproject, setupCfg, setupPy }: Manifests): string | null {
  const isPackage =
    /^\[(project|build-system|tool\.poetry)\]/m.test(pyproject) ||
    /^\[metadata\]/m.test(setupCfg) ||
    /\bsetup\s*\(/.test(setupPy);
  if (!isPackage) return null;
  const extras = extrasOf(pyproject, setupCfg, setupPy);
  const depends =
    /^dependencies\s*=\s*\[\s*[^\]\s]/m.test(section(pyproject, "project")) ||
    /^(?!python\s*=)[\w.-]+\s*=/m.test(section(pyproject, "tool.poetry.dependencies")) ||
    /^install_requires\s*=\s*\S/m.test(section(setupCfg, "options")) ||
    /\binstall_requires\b/.test(setupPy);
  const srcLayout = view.files.some((file) => /^src\/.+\.py$/.test(file));
  if (!depends && !srcLayout && extras.length === 0) return null;
  return extras.length > 0 ? `-e '.[${extras.join(",")}]'` : "-e .";
}

/** The extras with which a project's tests run. */
function extrasOf(pyproject: string, setupCfg: string, setupPy: string): string[] {
  const named = `${section(pyproject, "project.optional-dependencies")}\n${section(setupCfg, "options.extras_require")}`;
  const has = (extra: string) =>
    new RegExp(`^["']?${extra}["']?\\s*=`, "m").test(named) ||
    (/\bextras_require\b/.test(setupPy) && new RegExp(`["']${extra}["']\\s*:`).test(setupPy));
  const tests = TEST_EXTRAS.filter(has);
  return tests.length > 0 ? tests : ["dev"].filter(has);
}

/** The lines of a section of an INI or TOML file. */
function section(text: string, name: string): string {
  const start = text.split(/\r?\n/);
  const from = start.findIndex((line) => line.trim() === `[${name}]`);
  if (from < 0) return "";
  const to = start.findIndex((line, i) => i > from && /^\[[\w."-]+\]\s*(#.*)?$/.test(line));
  return start.slice(from + 1, to < 0 ? undefined : to).join("\n");
}

/** Django's own runner finds tests.py, which neither unittest nor pytest takes for tests by itself. */
function djangoTests(view: ProjectView): boolean {
  return (
    view.has("manage.py") &&
    view.files.some((file) => /(^|\/)tests\.py$/.test(file)) &&
    !view.has("pytest.ini") &&
    !/^\[tool\.pytest/m.test(view.read("pyproject.toml") ?? "")
  );
}

function lintNotes(view: ProjectView, { pyproject, setupCfg }: Manifests): string[] {
  const text = `${setupCfg}\n${view.read("tox.ini") ?? ""}`;
  const used = OTHER_LINTERS.filter(
    (name) =>
      view.has(`.${name}`) || view.has(`.${name}rc`) || new RegExp(`^\\[${name}[\\]:.]`, "m").test(text),
  );
  if (used.length === 0 || /^\[tool\.ruff/m.test(pyproject) || view.has("ruff.toml")) return [];
  return [`${used.join(" and ")} is set up here; Fabrica checks with ruff unless a lint command is named.`];
}

function groupNotes({ pyproject }: Manifests): string[] {
  const groups = [...section(pyproject, "dependency-groups").matchAll(/^([\w-]+)\s*=/gm)].map(
    ([, name]) => name,
  );
  if (groups.length === 0) return [];
  return [
    `pyproject.toml has dependency groups (${groups.join(", ")}); name a setup command to install them.`,
  ];
}
