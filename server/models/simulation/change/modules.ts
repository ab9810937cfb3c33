// What the simulation can do about a change: functions out of its catalogue that the request names, and where it names
// none, one small collection of records. Each task is one new module.
import type { Job } from "../conversation";
import { functionFor } from "../functions";
import { functionTitles, languageOf } from "../plan";
import { PlanBuilder } from "../plan-builder";
import type { FunctionModule, ResourceModule } from "../project";
import { oneLine } from "../text";

export type ChangeModule = FunctionModule | ResourceModule;

export interface ChangeTask {
  n: number;
  title: string;
  module: ChangeModule;
}

const MAX_TASKS = 12;
const MAX_TITLE = 160;

/** Task titles of a change, and the wishes that are left out because nothing of the catalogue fits them. */
export function changeTitles(job: Job): { titles: string[]; left: string[] } {
  const wishes = [...new Set(job.features.map((one) => oneLine(one).slice(0, MAX_TITLE)).filter(Boolean))];
  const known = wishes.filter((wish) => functionFor(wish) !== null);
  const called = known.length > 0 ? known : functionTitles(`${job.title}. ${job.description}`);
  const titles = onePerFunction(called).slice(0, MAX_TASKS);
  if (titles.length > 0) return { titles, left: wishes.filter((wish) => !titles.includes(wish)) };
  const only = wishes[0] ?? (oneLine(job.title).slice(0, MAX_TITLE) || "Records");
  return { titles: [only], left: wishes.slice(1) };
}

function onePerFunction(titles: readonly string[]): string[] {
  const seen = new Set<string | null>();
  return titles
    .map((title) => title.slice(0, MAX_TITLE))
    .filter((title) => {
      const id = functionFor(title);
      return !seen.has(id) && seen.add(id);
    });
}

/** The module of each task; no two have the same name. */
export function changeTasks(job: Job, titles: readonly string[]): ChangeTask[] {
  const language = languageOf(job);
  const names = new Set<string>();
  return titles.map((title, index) => {
    const n = index + 1;
    const module = new PlanBuilder("library", language)
      .modulesFor(title, n)
      .find((one): one is ChangeModule => one.shape === "function" || one.shape === "resource");
    if (!module) throw new Error(`No module for task ${n}.`);
    const name = names.has(module.name) ? `${module.name}_${n}` : module.name;
    names.add(name);
    return { n, title, module: { ...module, name } };
  });
}
