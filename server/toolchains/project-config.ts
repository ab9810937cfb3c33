// fabrica.json: by it a repository says itself how it is set up and checked, and what must be left alone. It outranks
// the project's record and what is detected; one that cannot be read is refused, never passed over.
import { z } from "zod";
import { cleanText, relativePath } from "../domain/fields";
import type { DetectedProject } from "../domain/project";
import { STACK_NAMES } from "../domain/stacks";
import { readPlacedJson } from "./placed-json";

/** Name of the file, in the project's folder or in the repository's root. */
export const CONFIG_FILE = "fabrica.json";
const MAX_CONFIG_CHARS = 64 * 1024;
const MAX_PATHS = 200;

/** Seconds that a command may take when nothing else is said. */
export const DEFAULT_TIMEOUTS_S = { setup: 600, lint: 300, test: 600 } as const;
const MAX_TIMEOUT_S = 3_600;

const command = (about: string) =>
  cleanText(2_000)
    .trim()
    .min(1, "must not be empty; null says that there is nothing to run")
    .nullable()
    .optional()
    .describe(about);

const timeout = (about: string, seconds: number) =>
  z.number().int().min(1).max(MAX_TIMEOUT_S).optional().describe(`${about} Default ${seconds}.`);

/** Paths as in a list of ignored files: `dir/`, `*.min.js`, `docs/**`, counted from the repository's root. */
const paths = (about: string) =>
  z
    .array(
      cleanText(300)
        .trim()
        .min(1, "must not be empty")
        .refine((path) => !/[\r\n]/.test(path), "must be one line")
        .refine(
          (path) => !path.startsWith("/") && !path.split("/").includes(".."),
          "must be a path inside the repository",
        )
        .refine((path) => !path.startsWith("!"), "must not begin with an exclamation mark"),
    )
    .max(MAX_PATHS)
    .optional()
    .describe(about);

export const projectConfig = z
  .strictObject({
    $schema: z.string().max(500).optional().describe("Address of this schema, for editors."),
    version: z.literal(1, "must be 1").describe("Version of this format."),
    folder: relativePath
      .optional()
      .describe("Folder of the project when it is not the root. Only in a fabrica.json in the root."),
    tech_stack: z.array(z.enum(STACK_NAMES)).max(20).optional().describe("What the project is made with."),
    setup_command: command(
      "Shell line, run in the project's folder, that installs what the project needs. null: nothing is needed.",
    ),
    lint_command: command(
      "Shell line that checks the code and exits with 0 when all is well. null: ruff or eslint, as without any line.",
    ),
    test_command: command(
      "Shell line that runs the tests and exits with 0 when they pass. null: the test runner that the files use.",
    ),
    setup_timeout_seconds: timeout("Longest time of the setup, in seconds.", DEFAULT_TIMEOUTS_S.setup),
    lint_timeout_seconds: timeout("Longest time of the lint command, in seconds.", DEFAULT_TIMEOUTS_S.lint),
    test_timeout_seconds: timeout("Longest time of the test command, in seconds.", DEFAULT_TIMEOUTS_S.test),
    ignored: paths("Generated or foreign files: not shown to agents in outlines and searches."),
    protected: paths("Files that a job must not change."),
  })
  .meta({ title: "fabrica.json", description: "How Fabrica sets up and checks this repository." });
export type ProjectConfig = z.infer<typeof projectConfig>;

/** Reads the text of a fabrica.json. A problem is one plain sentence that names the place. */
export function readProjectConfig(text: string, path: string = CONFIG_FILE): ReadConfig {
  const refused = (what: string): ReadConfig => ({ ok: false, problem: `${path}, ${what}.` });
  if (text.length > MAX_CONFIG_CHARS)
    return { ok: false, problem: `${path} is longer than ${MAX_CONFIG_CHARS} characters.` };
  const json = readPlacedJson(text);
  if ("problem" in json) return refused(json.problem);
  const parsed = projectConfig.safeParse(json.value);
  if (parsed.success) return { ok: true, config: parsed.data };
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    return refused(
      `${json.placeOf([...issue.path, key])}: "${key.slice(0, 80)}" is not a field that is known`,
    );
  }
  const at = issue?.path ?? [];
  const reason = isThere(json.value, at) ? (issue?.message ?? "is wrong") : "is missing";
  return refused(`${json.placeOf(at)}: ${at.join(".") || "the whole"}: ${reason.replace(/\.$/, "")}`);
}

export type ReadConfig = { ok: true; config: ProjectConfig } | { ok: false; problem: string };

/** The value is there at all, in what was read. */
function isThere(value: unknown, path: readonly PropertyKey[]): boolean {
  const inside = path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
  return inside !== undefined;
}

/** Where the fabrica.json of a project's folder lies: in the folder, else in the root; null when there is none. */
export function configPath(files: readonly string[], folder: string): string | null {
  const inFolder = folder === "" || folder === "." ? CONFIG_FILE : `${folder}/${CONFIG_FILE}`;
  return [inFolder, CONFIG_FILE].find((path) => files.includes(path)) ?? null;
}

/** Where a value came from. `toolchain`: no command, the built-in linter or test runner is used (or no setup). */
export type CommandSource = "fabrica.json" | "project" | "detected" | "toolchain";

export interface EffectiveCommand {
  /** Shell line; null when the toolchain does it, or for setup when nothing is to be done. */
  command: string | null;
  source: CommandSource;
  timeoutMs: number;
}

export interface EffectiveConfig {
  /** The project's folder, "" for the root. */
  folder: string;
  techStack: string[];
  setup: EffectiveCommand;
  lint: EffectiveCommand;
  test: EffectiveCommand;
  /** Paths and patterns, as in fabrica.json. */
  ignored: string[];
  protected: string[];
}

export interface ConfigSources {
  /** Text of the fabrica.json, null when there is none. */
  config: string | null;
  /** Its path, for what is said of it. */
  path?: string;
  /** The project's record; what is null there is not set. */
  project: {
    setupCommand: string | null;
    lintCommand: string | null;
    testCommand: string | null;
    folder: string;
  };
  detected: Pick<DetectedProject, "tech_stack" | "setup_command" | "lint_command" | "test_command"> | null;
}

export type ResolvedConfig = ({ ok: true } & EffectiveConfig) | { ok: false; problem: string };

/**
 * The commands that count: of fabrica.json, else of the project's record, else what is detected, else the toolchain.
 * @returns a problem, one plain sentence, when there is a fabrica.json that cannot be used
 */
export function resolveProjectConfig({
  config: text,
  path,
  project,
  detected,
}: ConfigSources): ResolvedConfig {
  const read: ReadConfig =
    text === null ? { ok: true, config: { version: 1 } } : readProjectConfig(text, path);
  if (!read.ok) return read;
  const { config } = read;
  const folder = project.folder === "." ? "" : project.folder;
  if (config.folder !== undefined && folder !== "" && config.folder !== folder) {
    const problem = `${path ?? CONFIG_FILE} is for the folder ${config.folder}, but the project's folder is ${folder}; put a fabrica.json for it there.`;
    return { ok: false, problem };
  }
  const effective = (
    name: "setup" | "lint" | "test",
    ofProject: string | null,
    found: string | null,
  ): EffectiveCommand => ({
    ...chosen(config[`${name}_command`], ofProject, found),
    timeoutMs: 1000 * (config[`${name}_timeout_seconds`] ?? DEFAULT_TIMEOUTS_S[name]),
  });
  return {
    ok: true,
    folder: config.folder ?? folder,
    techStack: config.tech_stack ?? detected?.tech_stack ?? [],
    setup: effective("setup", project.setupCommand, detected?.setup_command ?? null),
    lint: effective("lint", project.lintCommand, detected?.lint_command ?? null),
    test: effective("test", project.testCommand, detected?.test_command ?? null),
    ignored: config.ignored ?? [],
    protected: config.protected ?? [],
  };
}

function chosen(
  config: string | null | undefined,
  project: string | null,
  detected: string | null,
): Pick<EffectiveCommand, "command" | "source"> {
  if (config !== undefined) return { command: config, source: "fabrica.json" };
  if (project !== null) return { command: project, source: "project" };
  if (detected !== null) return { command: detected, source: "detected" };
  return { command: null, source: "toolchain" };
}
