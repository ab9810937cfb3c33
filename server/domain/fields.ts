// Single fields that several inputs have in common, each with the sentence that says what is wrong with it.
import { z } from "zod";

/** NUL cannot be stored in Postgres text, a lone surrogate not be sent as UTF-8. */
export const cleanText = (max: number) =>
  z
    .string()
    .max(max, `at most ${max} characters`)
    .refine((s) => !s.includes("\u0000"), "must not contain the NUL character")
    .refine((s) => s.isWellFormed(), "must be well-formed Unicode (a lone surrogate was found)");

export const line = (max: number) =>
  cleanText(max)
    .trim()
    .min(1, "must not be empty")
    .refine((s) => !/[\r\n]/.test(s), "must be one line");

export const relativePath = line(1000).refine(
  (p) => !p.startsWith("/") && !p.split("/").includes("..") && !p.split("/").includes(".git"),
  "must be a path inside the project, without .. and .git",
);

/** "provider/model", such as "anthropic/claude-sonnet-4-6" or "simulation/sim-1". */
export const modelChoice = line(120).regex(
  /^(anthropic|ollama|simulation)\/\S+$/,
  "must be anthropic/…, ollama/… or simulation/…",
);

/** How a project is named in the API and in jobs: unique in its team, part of addresses. */
export const projectName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,79}$/,
    "1 to 80 of a-z, 0-9, dot, dash, underscore; starts with a letter or digit",
  )
  .refine((name) => name !== "new", "new is the address of the form; choose another name");

/** A branch as git allows it, without what could be read as an option, a range or a place outside refs/heads. */
export const branchName = line(250).refine(
  (name) =>
    !/^[-/.]|[\s~^:?*[\\\p{Cc}]|\.\.|\/\/|\/\.|@\{|\.lock(\/|$)|[/.]$/u.test(name) &&
    name !== "@" &&
    name !== "HEAD",
  "not a branch name that git allows",
);

/** A container image as Docker names it: registry and path, then a tag, a digest or both. */
export const imageName = line(250).regex(
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:\.|_|__|-+|\/)[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/,
  "not the name of an image, such as node:22-bookworm",
);
