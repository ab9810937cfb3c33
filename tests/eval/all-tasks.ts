// The evaluation set: bugs in public packages, and tasks of our own, one file each in tasks/.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EvalTask } from "./task";
import { readTask } from "./task-file";
import { bytes } from "./tasks/bytes";
import { cachetools } from "./tasks/cachetools";
import { colorama } from "./tasks/colorama";
import { commander } from "./tasks/commander";
import { contentType } from "./tasks/content-type";
import { cssWhat } from "./tasks/css-what";
import { decorator } from "./tasks/decorator";
import { pathspec } from "./tasks/pathspec";
import { sourceMap } from "./tasks/source-map";
import { xmltodict } from "./tasks/xmltodict";

const ENDING = ".task";
const FOLDER = join(import.meta.dirname, "tasks");

const OWN = readdirSync(FOLDER)
  .filter((file) => file.endsWith(ENDING))
  .sort()
  .map((file) => readTask(file.slice(0, -ENDING.length), readFileSync(join(FOLDER, file), "utf8")));

export const ALL_TASKS: readonly EvalTask[] = [
  ...OWN,
  cachetools,
  colorama,
  decorator,
  pathspec,
  xmltodict,
  bytes,
  commander,
  contentType,
  cssWhat,
  sourceMap,
];

/**
 * The tasks of these names, or all.
 * @throws Error when there is none of a name
 */
export function tasksNamed(names: readonly string[]): readonly EvalTask[] {
  if (names.length === 0) return ALL_TASKS;
  return names.map((name) => {
    const task = ALL_TASKS.find((one) => one.name === name);
    if (!task)
      throw new Error(`There is no task ${name}. There are: ${ALL_TASKS.map((one) => one.name).join(", ")}`);
    return task;
  });
}
