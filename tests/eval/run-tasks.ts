/** Works a list of tasks off in a place, several at a time, and gives each result as it comes. */
import { join } from "node:path";
import type { CleanPlace } from "./clean-place";
import { fetchArchives } from "./debian-archive";
import { evaluate, type Place } from "./evaluate";
import type { Ended } from "./report";
import { type EvalTask, isPackage, kindOf } from "./task";

export interface Run {
  place: Place;
  clean: CleanPlace;
  tasks: readonly EvalTask[];
  /** For working copies. */
  folder: string;
  parallel: number;
  /** Once it is aborted nothing new is begun, and what is under way is given up without a result. */
  signal: AbortSignal;
  onEnded(result: Ended): void;
}

export async function runTasks(run: Run): Promise<void> {
  const { tasks, parallel, signal } = run;
  if (signal.aborted) return;
  const archives = await fetchArchives(tasks.filter(isPackage).map(({ source }) => source));
  const waiting = [...tasks];
  const work = async () => {
    for (let task = waiting.shift(); task && !signal.aborted; task = waiting.shift()) {
      const archive = isPackage(task) ? archives.get(task.source) : undefined;
      const ended = await runOne(run, task, archive);
      if (ended) run.onEnded(ended);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
}

type Archive = { file: string } | { problem: string } | undefined;

/** @returns null when it was interrupted */
async function runOne(
  { place, clean, folder, signal }: Run,
  task: EvalTask,
  archive: Archive,
): Promise<Ended | null> {
  const { name, stack } = task;
  const broken = (why: string) => ({ task: name, stack, kind: kindOf(task), broken: why });
  if (archive && "problem" in archive) return broken(`not fetched: ${archive.problem}`);
  try {
    const given = { ...placeOf(place), signal };
    const result = await evaluate(given, clean, task, archive?.file ?? null, join(folder, name));
    // What interrupts this program ends the programs of a judgement as well.
    return signal.aborted ? null : result;
  } catch (error) {
    if (signal.aborted) return null;
    return broken(error instanceof Error ? error.message : String(error));
  }
}

/** Its fields, which may be getters of a class. */
const placeOf = ({ client, git, request, limitMs }: Place): Place => ({ client, git, request, limitMs });

/** Tasks in an order in which the first few are of both stacks and kinds, our own before those of packages. */
export function mixed(tasks: readonly EvalTask[]): EvalTask[] {
  const groups = new Map<string, EvalTask[]>();
  for (const task of tasks) {
    const key = `${kindOf(task)} ${task.stack}`;
    groups.set(key, [...(groups.get(key) ?? []), task]);
  }
  const lists = [...groups.values()];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}
