// Names of simulated models. The name alone says which mistakes the model makes and in which task:
// `sim-1` makes none, `sim-1+lint@1+test@2` two.
import { ModelError } from "../port";

export const SIMULATION_FAULTS = {
  test: "a logical mistake, so that the task's tests fail",
  lint: "an unused import or variable",
  crash: "a syntax error",
  garbage: "an answer that cannot be used, once",
  loop: "the same action endlessly",
  blind: "a logical mistake that only the held-back tests see",
  lost: "the same action endlessly, until a debugger has looked into it",
  deploy: "a deploy bundle that asks for rights of the host, in that try instead of a task",
  stubborn: "a fixer that repeats a patch that does not help",
} as const;

export type SimulationFault = keyof typeof SIMULATION_FAULTS;

export interface SimulationModel {
  name: string;
  /** Faults by task number. */
  faults: ReadonlyMap<number, ReadonlySet<SimulationFault>>;
}

/**
 * Reads a model name such as `sim-1+test@2`. `stubborn@n` implies `test@n` unless the task has a mistake already.
 * @throws ModelError `invalid` with the list of known faults
 */
export function parseSimulationModel(name: string): SimulationModel {
  const [base, ...parts] = name.split("+");
  if (base !== "sim-1")
    throw new ModelError("invalid", `Unknown simulated model "${base}": the only one is "sim-1".`);
  const faults = new Map<number, Set<SimulationFault>>();
  for (const part of parts) {
    const match = /^([a-z]+)@([1-9][0-9]{0,3})$/.exec(part);
    const fault = match?.[1];
    if (!match || !fault || !(fault in SIMULATION_FAULTS)) {
      const known = Object.keys(SIMULATION_FAULTS).join(", ");
      throw new ModelError("invalid", `"${part}" in "${name}" is no fault@task; faults are ${known}.`);
    }
    const task = Number(match[2]);
    faults.set(task, (faults.get(task) ?? new Set()).add(fault as SimulationFault));
  }
  for (const set of faults.values()) {
    if (set.has("stubborn") && !["test", "lint", "crash"].some((kind) => set.has(kind as SimulationFault))) {
      set.add("test");
    }
  }
  return { name, faults };
}

/** Whether the model makes this mistake in this task. */
export function errs(model: SimulationModel, fault: SimulationFault, task: number): boolean {
  return model.faults.get(task)?.has(fault) ?? false;
}
