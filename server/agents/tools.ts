// The few tools that agents have, and how each becomes commands in the sandbox. Paths are checked here, before
// anything runs; what is refused is told to the model as the tool's result.
import { z } from "zod";
import type { ExecSpec } from "../../runner/protocol";
import type { ToolDefinition } from "../models/port";
import { pathProblem } from "../workspaces/tree-policy";
import { CI_REFUSAL, isCiFile } from "./ci-files";
import { READ_WINDOW, readLinesCommand, searchCommand, treeCommand } from "./look-commands";

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

/** Which files are searched, such as `*.ts` or `src/**\/*.py`. */
const glob = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^[^!/\-:\p{Cc}][^\p{Cc}]*$/u,
    "must be a pattern of file names such as *.ts, from the workspace on",
  );

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
  search: z.object({
    pattern: z
      .string()
      .min(1)
      .max(1000)
      .refine((pattern) => !/[\n\r\u0000]/.test(pattern), "must be one line"),
    path: searchPath.optional(),
    glob: glob.optional(),
  }),
  tree: z.object({ path: searchPath.optional(), depth: z.number().int().min(1).max(20).optional() }),
} as const;
export type ToolName = keyof typeof TOOL_INPUTS;

const DESCRIPTIONS: Record<ToolName, string> = {
  run: "Run a shell command in the workspace. Every call is a fresh shell. Answers exit code and output.",
  read: `Read a text file with line numbers, lines start to end; without them its first ${READ_WINDOW} lines at most. Says how to read on.`,
  write: "Write a whole file; folders are made as needed.",
  edit: "Replace one exact piece of a file. old must occur exactly once.",
  search:
    "Search for a regular expression (Perl-like, case matters unless it begins with (?i)) in all files, or those below path or of a glob such as *.ts. Answers file:line:text. What .gitignore names and installed packages are left out unless path leads there.",
  tree: "Outline of a folder, or of the whole workspace: folders with their number of files, files with their sizes, down to a depth.",
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

/**
 * The one command of a call; an edit takes two and is not among these.
 * @param ignored paths and patterns, as in a .gitignore, that searches and outlines leave out
 */
export function commandOf(
  name: Exclude<ToolName, "edit">,
  input: unknown,
  ignored: readonly string[] = [],
): ExecSpec {
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
    case "read": {
      const { path, start = 1, end } = TOOL_INPUTS.read.parse(input);
      return readLinesCommand(path, start, end);
    }
    case "write": {
      const { path, content } = TOOL_INPUTS.write.parse(input);
      return writeCommand(path, content);
    }
    case "search":
      return searchCommand(TOOL_INPUTS.search.parse(input), ignored);
    case "tree":
      return treeCommand(TOOL_INPUTS.tree.parse(input), ignored);
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

/** Cuts text to what a model is shown: its beginning and its end, and how much is missing; `limit` characters in all. */
export function clip(full: string, limit: number = OBSERVATION_CHARS): string {
  if (full.length <= limit) return full;
  const room = Math.max(0, limit - `\n[… ${full.length} characters left out …]\n`.length);
  const tail = Math.floor(room * 0.4);
  const head = room - tail;
  const end = tail > 0 ? full.slice(-tail) : "";
  return `${full.slice(0, head)}\n[… ${full.length - head - tail} characters left out …]\n${end}`.toWellFormed();
}
