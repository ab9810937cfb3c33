// What went wrong between the factory and a model while an agent worked: read from the job's log, laid at the turn that
// it delayed. Pure.
import { formatDuration } from "@/components/ui/format";
import type { JobEvent } from "@/server/domain/events";

export interface ModelNote {
  key: number;
  turn: number;
  at: string;
  text: string;
}

/**
 * The faults and the stand-ins of one agent run, oldest first.
 * @param events the whole log; events from before faults named their turn are laid at the next one of whoever was at work
 */
export function modelNotes(
  events: readonly JobEvent[],
  { run, agentRun }: { run: number; agentRun: string },
): ModelNote[] {
  const notes: ModelNote[] = [];
  let working: string | null = null;
  let answered = 0;
  for (const event of events) {
    if (event.run !== run) continue;
    if (event.type === "agent.started") {
      working = event.data.agent_run;
      answered = 0;
    }
    if (event.type === "agent.text" || event.type === "agent.call") answered = event.data.turn;
    if (event.type === "agent.finished") working = null;
    const about = aboutTurn(event, working, answered);
    if (about?.agentRun === agentRun)
      notes.push({ key: event.seq, turn: about.turn, at: event.at, text: about.text });
  }
  return notes;
}

function aboutTurn(event: JobEvent, working: string | null, answered: number) {
  if (event.type === "model.fallback") {
    const { agent_run: agentRun, turn, from, to, reason } = event.data;
    return { agentRun, turn, text: `${to} stands in for ${from} from here on: ${reason}` };
  }
  if (event.type !== "model.waiting") return null;
  const { agent_run: agentRun = working, turn = answered + 1, message, retry_in_ms } = event.data;
  const again = retry_in_ms > 0 ? `; asked again after ${formatDuration(retry_in_ms / 1000)}` : "";
  return { agentRun, turn, text: `The model gave no answer (${message})${again}` };
}
