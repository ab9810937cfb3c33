// The engine's tools without an engine: steps run at once and in order, and what is waited for is simply looked at again.
// For tests of the order of steps; that engines keep it is what the conformance tests show.
import type { Step } from "@/inngest/drive";
import { agentTurn } from "@/server/loop/agent-turn";
import { stepBody } from "@/server/loop/step-body";
import type { RunRef } from "@/server/services/jobs/active-job";

export interface StraightEngine {
  step: Step;
  /** Names of the engine steps so far, without those that only look again. */
  names: string[];
}

type Turns = { data: RunRef & { agent: string; from: number } };

export function straightEngine(): StraightEngine {
  const names: string[] = [];
  const step = {
    async run(name: string, body: () => Promise<unknown>) {
      if (!/:\d+$/.test(name)) names.push(name);
      return JSON.parse(JSON.stringify(await body()));
    },
    async waitForEvent() {
      return null;
    },
    // The only function that is invoked in these tests is the one that takes an agent's further turns.
    async invoke(_name: string, { data: { agent, from, ...ref } }: Turns) {
      for (let n = from; ; n++) {
        const turn = await stepBody(ref, (db) => agentTurn(db, ref, agent, n));
        if (turn.s === "ended") return { ended: true, stuck: false };
        if (turn.s !== "done") n--;
        else if (turn.v.finished) return { ended: false, stuck: turn.v.stuck === true };
      }
    },
  };
  // The SDK's type has much more; drive() and agentEnd() use no more than these.
  return { step: step as unknown as Step, names };
}
