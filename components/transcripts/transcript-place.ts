// How a place in a job's transcript stands in an address: the agent run, its run of the job, and a turn of it.

/** `turn` null: the agent run as a whole. */
export interface TranscriptPlace {
  run: number;
  agentRun: string;
  turn: number | null;
}

/** The query of the job's page for a place; without one that of the list of agent runs. */
export function transcriptQuery(place: TranscriptPlace | null): string {
  const params = new URLSearchParams({ tab: "transcript" });
  if (place) {
    params.set("run", String(place.run));
    params.set("agent", place.agentRun);
    if (place.turn !== null) params.set("turn", String(place.turn));
  }
  return `?${params}`;
}

const numberIn = (text: string | null): number | null =>
  /^[1-9]\d{0,5}$/.test(text ?? "") ? Number(text) : null;

/** The place in an address; null when it names no agent run. A run or turn that is no number is left out. */
export function readPlace(
  params: Pick<URLSearchParams, "get">,
): { agentRun: string; run: number | null; turn: number | null } | null {
  const agentRun = params.get("agent");
  if (!agentRun) return null;
  return { agentRun, run: numberIn(params.get("run")), turn: numberIn(params.get("turn")) };
}
