/**
 * `fabrica memory`: seeds a team's learnings from a folder of Markdown files, and looks for some.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import {
  type ImportedView,
  importedView,
  type LearningHits,
  learningHits,
} from "../../server/domain/learning";
import { plainText } from "../../server/domain/plain-json";
import { ApiClient } from "../client/api";
import { harmless } from "../demo/progress-line";
import { readClientSettings } from "../env";
import { LauncherError } from "../launcher-error";

/** What the API takes of one file, and of one request with room for what JSON adds. */
const MOST_FILE_CHARS = 500_000;
const MOST_REQUEST_BYTES = 900_000;
const MOST_REQUEST_FILES = 200;
const MOST_FILES = 5_000;
const SKIPPED = new Set(["node_modules", ".git", ".venv", "dist"]);

const OPTIONS = {
  json: { type: "boolean" },
  project: { type: "string" },
  stack: { type: "string" },
  limit: { type: "string" },
} as const;

export interface MarkdownFile {
  path: string;
  text: string;
}

/** Runs it. @throws LauncherError with the app's own sentence when it refuses */
export async function memoryCommand(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const [verb, ...words] = positionals;
  const client = new ApiClient({ ...readClientSettings(), keepSession: true });
  if (verb === "import" && words.length === 1) {
    const told = await importFolder(
      client,
      words[0] as string,
      values.project ?? null,
      stackOf(values.stack),
    );
    console.log(values.json ? JSON.stringify(told, null, 2) : sentenceOf(told));
    return 0;
  }
  if (verb === "search" && words.length > 0) {
    const { project, stack, limit } = values;
    const asked = Object.entries({ q: words.join(" "), project, stack, limit });
    const query = new URLSearchParams(
      asked.filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const hits = await client.call("GET", `/api/v1/learnings/search?${query}`, learningHits);
    console.log(values.json ? JSON.stringify(hits, null, 2) : linesOf(hits).join("\n"));
    return 0;
  }
  throw new LauncherError(
    "What shall be done with the memory?",
    "Usage: fabrica memory import FOLDER [--project NAME] [--stack LIST], or fabrica memory search WORDS",
  );
}

const stackOf = (list = "") => list.split(",").flatMap((name) => name.trim().toLowerCase() || []);

async function importFolder(
  client: ApiClient,
  folder: string,
  project: string | null,
  stack: string[],
): Promise<ImportedView> {
  const sum: ImportedView = { taken: 0, known: 0, skipped: 0 };
  for (const files of requestsOf(readMarkdown(folder))) {
    const body = { files, project, stack };
    const { taken, known, skipped } = await client.call(
      "POST",
      "/api/v1/learnings/import",
      importedView,
      body,
    );
    sum.taken += taken;
    sum.known += known;
    sum.skipped += skipped;
  }
  return sum;
}

/** All Markdown files below a folder, or the one that is named; links are not followed. @throws LauncherError */
export function readMarkdown(folder: string): MarkdownFile[] {
  const paths = pathsBelow(folder);
  if (paths.length === 0)
    throw new LauncherError(`There is no Markdown file in ${folder}.`, "They end with .md.");
  if (paths.length > MOST_FILES)
    throw new LauncherError(
      `${folder} has ${paths.length} Markdown files.`,
      `Take ${MOST_FILES} at once at most.`,
    );
  return paths.map((path) => ({
    path: (relative(folder, path) || path).slice(-1_000),
    text: plainText(readFileSync(path, "utf8")).slice(0, MOST_FILE_CHARS).toWellFormed(),
  }));
}

function pathsBelow(folder: string): string[] {
  try {
    if (statSync(folder).isFile()) return [folder];
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(md|markdown)$/i.test(entry.name))
      .map((entry: Dirent) => join(entry.parentPath, entry.name))
      .filter(
        (path) =>
          !relative(folder, path)
            .split("/")
            .some((part) => SKIPPED.has(part)),
      )
      .sort();
  } catch (cause) {
    throw new LauncherError(`${folder} cannot be read.`, "Name a folder with Markdown files.", { cause });
  }
}

/** Groups of files that fit one request each. */
export function requestsOf(files: readonly MarkdownFile[]): MarkdownFile[][] {
  const requests: MarkdownFile[][] = [];
  let bytes = MOST_REQUEST_BYTES;
  for (const file of files) {
    const size = Buffer.byteLength(JSON.stringify(file));
    if (bytes + size > MOST_REQUEST_BYTES || (requests.at(-1)?.length ?? 0) >= MOST_REQUEST_FILES) {
      requests.push([]);
      bytes = 0;
    }
    requests.at(-1)?.push(file);
    bytes += size;
  }
  return requests;
}

function sentenceOf({ taken, known, skipped }: ImportedView): string {
  return `${taken} learnings were taken, ${known} were known${skipped > 0 ? `, ${skipped} said the same as another` : ""}.`;
}

function linesOf({ learnings, by, note }: LearningHits): string[] {
  const found = learnings.map(
    ({ id, kind, title, text }) =>
      `${id.padStart(6)}  ${kind.padEnd(14)} ${harmless(title)}\n        ${harmless(text).slice(0, 200)}`,
  );
  return [
    ...(found.length > 0 ? found : ["Nothing was found."]),
    `Found by ${by}${note ? `: ${note}` : "."}`,
  ];
}
