// The few tools that agents have, and how each becomes commands in the sandbox. Paths are checked here, before
// anything runs; what is refused is told to the model as the tool's result.
import { z } from "zod";
import type { ExecSpec } from "../../runner/protocol";
import type { ToolDefinition } from "../models/port";
import { pathProblem } from "../workspaces/tree-policy";
import { CI_REFUSAL, isCiFile } from "./ci-files";

/** Characters of output that a model is shown, head and tail. */
export const OBSERVATION_CHARS = 10_000;
const DEFAULT_TIMEOUT_S = 60;
const MAX_TIMEOUT_S = 300;
const MAX_FILE_BYTES = 1024 * 1024;

/** A path without what changes nothing in it: "./" and repeated slashes. */
const tidy = (path: string) =>
  path
    .replace(/\/{2,}/g, "/")
    .replace(/(^|\/)(?:\.\/)+/g, "$1")
    .replace(/\/\.?$/, "")
    .replace(/^\.$/, "");

/** A path that a model may touch: inside the workspace, not git's own, no tricks. What a tree may hold decides. */
export const workspacePath = z
  .string()
  .refine((path) => !path.startsWith("/"), "the path must be relative to the workspace")
  .transform(tidy)
  .superRefine((path, ctx) => {
    const problem = path === "" ? "is empty" : pathProblem(path);
    if (problem) ctx.addIssue({ code: "custom", message: `the path ${problem}` });
  });

const writablePath = workspacePath.refine(
  (path) => !isCiFile(path),
  `${CI_REFUSAL}: do without this one, and say in your summary what it should do`,
);

/** A file or folder, or the whole workspace. */
const searchPath = z
  .string()
  .transform((path) => (tidy(path) === "" && !path.startsWith("/") ? null : path))
  .pipe(workspacePath.nullable());

const text = z
  .string()
  .max(MAX_FILE_BYTES, "more than 1 MiB of text")
  .refine((s) => !s.includes("\u0000"), "the text contains NUL");

export const TOOL_INPUTS = {
  run: z.object({
    command: z.string().min(1, "the command is empty").max(20_000),
    timeout_seconds: z.number().positive().max(MAX_TIMEOUT_S).optional(),
  }),
  read: z.object({
    path: workspacePath,
    start: z.number().int().min(1).optional(),
    end: z.number().int().min(1).optional(),
  }),
  write: z.object({ path: writablePath, content: text }),
  edit: z.object({ path: writablePath, old: text.min(1, "old is empty"), new: text }),
  search: z.object({ pattern: z.string().min(1).max(1000), path: searchPath.optional() }),
} as const;
export type ToolName = keyof typeof TOOL_INPUTS;

const DESCRIPTIONS: Record<ToolName, string> = {
  run: "Run a shell command in the workspace. Every call is a fresh shell. Answers exit code and output.",
  read: "Read a text file with line numbers, optionally only lines start to end.",
  write: "Write a whole file; folders are made as needed.",
  edit: "Replace one exact piece of a file. old must occur exactly once.",
  search: "Search all files for a regular expression. Answers file:line: text.",
};

/** Definitions of the sandbox tools, as models get them. */
export const SANDBOX_TOOLS: ToolDefinition[] = (Object.keys(TOOL_INPUTS) as ToolName[]).map((name) => ({
  name,
  description: DESCRIPTIONS[name],
  input: toJsonSchema(TOOL_INPUTS[name]),
}));

/** JSON Schema of a tool's input. */
export function toJsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: "input" });
  return json;
}

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(TOOL_INPUTS, name);
}

const exec = (argv: string[], more: Partial<ExecSpec> = {}): ExecSpec => ({
  kind: "exec",
  argv,
  cwd: ".",
  env: {},
  stdin: null,
  timeout_ms: 30_000,
  max_output_bytes: 2 * MAX_FILE_BYTES,
  live: false,
  ...more,
});

/**
 * Writes standard input to a file below the workspace, never through a link. Agents write many small files, and each
 * process costs more than the writing: the shell finds the folder itself and becomes the `cat`.
 */
const WRITE =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell that replaces this.
  'case $0 in */*) [ -d "${0%/*}" ] || mkdir -p -- "${0%/*}" || exit 1;; esac; [ ! -L "$0" ] && exec cat > "$0"';

/** Command that writes `content` to `path`. */
export function writeCommand(path: string, content: string): ExecSpec {
  return exec(["sh", "-c", WRITE, path], { stdin: content, title: `write ${path}`.slice(0, 200) });
}

/** Command that prints `path`. */
export function readCommand(path: string): ExecSpec {
  return exec(["cat", "--", path]);
}

/** The one command of a call; an edit takes two and is not among these. */
export function commandOf(name: Exclude<ToolName, "edit">, input: unknown): ExecSpec {
  switch (name) {
    case "run": {
      const { command, timeout_seconds: seconds = DEFAULT_TIMEOUT_S } = TOOL_INPUTS.run.parse(input);
      return exec(["sh", "-c", command], {
        // The protocol counts whole milliseconds; less than a second is no time to start a shell in.
        timeout_ms: Math.max(1_000, Math.ceil(seconds * 1000)),
        max_output_bytes: 256 * 1024,
        live: true,
      });
    }
    case "read":
      return readCommand(TOOL_INPUTS.read.parse(input).path);
    case "write": {
      const { path, content } = TOOL_INPUTS.write.parse(input);
      return writeCommand(path, content);
    }
    case "search": {
      const { pattern, path } = TOOL_INPUTS.search.parse(input);
      const grep = ["grep", "-rnIE", "--exclude-dir=.git", "--exclude-dir=node_modules", "-m", "50"];
      return exec([...grep, "-e", pattern, "--", path ?? "."], { max_output_bytes: 256 * 1024 });
    }
  }
}

/** One line that says what a call does, for people. */
export function callTitle(name: string, input: unknown): string {
  const fields = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
  const about = fields.command ?? fields.path ?? fields.pattern ?? fields.summary ?? "";
  // A model may send anything here, also objects that cannot be turned into text by themselves.
  const said = typeof about === "string" ? about : JSON.stringify(about);
  return `${name} ${said}`.replace(/\s+/g, " ").trim().slice(0, 200).toWellFormed();
}

/** Cuts text to what a model is shown: its beginning and its end, and how much is missing. */
export function clip(full: string, limit: number = OBSERVATION_CHARS): string {
  if (full.length <= limit) return full;
  const head = full.slice(0, Math.floor(limit * 0.6));
  const tail = full.slice(-Math.floor(limit * 0.4));
  return `${head}\n[… ${full.length - head.length - tail.length} characters left out …]\n${tail}`.toWellFormed();
}
