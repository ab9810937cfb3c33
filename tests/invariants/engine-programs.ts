/**
 * Random programs for the engine's fault tests: what one is, how fast-check makes one, and the SDK functions that
 * carry it out. What really happened is noted here, in the app's process, which is never killed.
 */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import type { GetStepTools, Inngest, InngestFunction } from "inngest";

/** One thing that a program does. */
export type Op =
  | { do: "run" | "fail" | "wait" | "send" }
  | { do: "sleep"; ms: number }
  | { do: "invoke"; ops: Op[] }
  | { do: "all"; branches: Op[][] };

/** A run of a program: its key is unique, and so is the path of each of its steps. */
export interface Program {
  key: string;
  checkpointing: boolean;
  ops: Op[];
}

/** What the app saw. */
export class Ledger {
  /** Values that the executions of a step returned, by its id; the recorded one must be among them. */
  readonly executions = new Map<string, string[]>();
  /** How often a sent event was answered by a run, by the sending step's id. */
  readonly notes = new Map<string, number>();
  /** What must never happen. */
  readonly violations: string[] = [];

  execute(id: string): string {
    const value = randomUUID();
    this.executions.set(id, [...(this.executions.get(id) ?? []), value]);
    return value;
  }
}

const leaf: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Op>({ do: "run" }) },
  { weight: 1, arbitrary: fc.constant<Op>({ do: "fail" }) },
  { weight: 2, arbitrary: fc.constant<Op>({ do: "wait" }) },
  { weight: 1, arbitrary: fc.constant<Op>({ do: "send" }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 300 }).map<Op>((ms) => ({ do: "sleep", ms })) },
);
const leaves = fc.array(leaf, { minLength: 1, maxLength: 3 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: leaf },
  { weight: 1, arbitrary: leaves.map<Op>((ops) => ({ do: "invoke", ops })) },
  {
    weight: 1,
    arbitrary: fc
      .array(leaves, { minLength: 2, maxLength: 3 })
      .map<Op>((branches) => ({ do: "all", branches })),
  },
);

/** Programs without their keys: a key belongs to one try. */
export const programs: fc.Arbitrary<Omit<Program, "key">[]> = fc.array(
  fc.record({ checkpointing: fc.boolean(), ops: fc.array(op, { minLength: 1, maxLength: 5 }) }),
  { minLength: 1, maxLength: 3 },
);

/** A program that meets every fault point. */
export const EVERYTHING: Op[] = [
  { do: "run" },
  { do: "fail" },
  // Long enough not to be over before it is written.
  { do: "sleep", ms: 400 },
  { do: "wait" },
  { do: "invoke", ops: [{ do: "run" }, { do: "wait" }] },
  { do: "all", branches: [[{ do: "run" }, { do: "run" }], [{ do: "sleep", ms: 20 }], [{ do: "send" }]] },
  { do: "run" },
];

type Step = GetStepTools<Inngest>;
type Invoke = (id: string, data: { key: string; ops: Op[] }) => Promise<string[]>;

/** Carries ops out and returns what their steps returned, in the order of the program. */
async function interpret(
  ops: Op[],
  at: string,
  step: Step,
  invoke: Invoke,
  ledger: Ledger,
): Promise<string[]> {
  const results: string[] = [];
  for (const [index, item] of ops.entries()) {
    const id = `${at}/${index}`;
    switch (item.do) {
      case "run":
        results.push(await step.run(id, () => ledger.execute(id)));
        break;
      case "fail":
        results.push(
          await step.run(id, () => {
            const value = ledger.execute(id);
            if (ledger.executions.get(id)!.length === 1) throw new Error("the first attempt fails");
            return value;
          }),
        );
        break;
      case "sleep": {
        const until = await step.run(`${id}.until`, () => Date.now() + item.ms);
        await step.sleepUntil(id, new Date(until));
        if (Date.now() < until) ledger.violations.push(`${id} slept ${until - Date.now()} ms too little`);
        break;
      }
      case "wait": {
        const found = await step.waitForEvent(id, {
          event: "go",
          if: `async.data.id == "${id}"`,
          timeout: "1h",
        });
        if (found?.data.id !== id) ledger.violations.push(`${id} got ${JSON.stringify(found)}`);
        break;
      }
      case "send":
        await step.sendEvent(id, { name: "note", data: { id } });
        break;
      case "invoke":
        results.push(...(await invoke(id, { key: id, ops: item.ops })));
        break;
      case "all": {
        const branches = item.branches.map((branch, n) =>
          interpret(branch, `${id}.${n}`, step, invoke, ledger),
        );
        results.push(...(await Promise.all(branches)).flat());
      }
    }
  }
  return results;
}

/** The functions of the app; `child` is invoked by both ways of running programs. */
export function programFunctions(client: Inngest, ledger: Ledger): InngestFunction.Any[] {
  const retries = 20;
  const child = client.createFunction({ id: "child", retries, triggers: [] }, async ({ event, step }) => {
    const { key, ops } = event.data as unknown as { key: string; ops: Op[] };
    return interpret(ops, key, step, notNested, ledger);
  });
  const program = (checkpointing: boolean) =>
    client.createFunction(
      {
        id: `program-${checkpointing}`,
        retries,
        checkpointing,
        triggers: [{ event: "program", if: `event.data.checkpointing == ${checkpointing}` }],
      },
      async ({ event, step }) => {
        const { key, ops } = event.data as unknown as Program;
        return interpret(ops, key, step, (id, data) => step.invoke(id, { function: child, data }), ledger);
      },
    );
  const note = client.createFunction(
    { id: "note", retries, triggers: [{ event: "note" }] },
    async ({ event, step }) => {
      const id = String(event.data.id);
      await step.run("note", () => void ledger.notes.set(id, (ledger.notes.get(id) ?? 0) + 1));
    },
  );
  return [child, program(true), program(false), note];
}

const notNested: Invoke = () => Promise.reject(new Error("A child invokes nobody."));

/** The ids of all steps of a program that end with a row, by what they do. */
export function stepsOf(ops: Op[], at: string): { id: string; do: Op["do"] | "until" }[] {
  return ops.flatMap((item, index) => {
    const id = `${at}/${index}`;
    switch (item.do) {
      case "sleep":
        return [
          { id: `${id}.until`, do: "until" as const },
          { id, do: item.do },
        ];
      case "invoke":
        return [{ id, do: item.do }, ...stepsOf(item.ops, id)];
      case "all":
        return item.branches.flatMap((branch, n) => stepsOf(branch, `${id}.${n}`));
      default:
        return [{ id, do: item.do }];
    }
  });
}
