// The first evaluation set: ten bugs in ten packages of two stacks.
import type { EvalTask } from "./task";
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

export const ALL_TASKS: readonly EvalTask[] = [
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

/** One of each stack, small and green before: what the quick test suite runs. */
export const QUICK_TASKS: readonly EvalTask[] = [xmltodict, bytes];

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
