// How an agent run came out, in the few words of a list row. Pure: read from its state and from what it handed in.
import type { IconName } from "@/components/ui/icons";
import type { AgentRunView } from "@/server/domain/transcripts";

export interface Verdict {
  icon: IconName;
  /** Colour class of the icon. */
  ink: string;
  text: string;
  /** One or a few sentences of its own, or why it failed; null when it left none. */
  summary: string | null;
}

type Result = Record<string, unknown>;

const textIn = (result: Result, name: string): string | null => {
  const value = result[name];
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
};
const countIn = (result: Result, name: string): number =>
  Array.isArray(result[name]) ? (result[name] as unknown[]).length : 0;

const many = (count: number, one: string) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** @param run as the API gives it; its result has the shape of its role, which is not trusted */
export function verdictOf({
  status,
  role,
  result,
}: Pick<AgentRunView, "status" | "role" | "result">): Verdict {
  const given: Result = result !== null && typeof result === "object" ? (result as Result) : {};
  const summary = textIn(given, "summary") ?? textIn(given, "root_cause");
  if (status === "running") return { icon: "arc", ink: "text-run", text: "at work", summary: null };
  const failed = textIn(given, "failed") ?? textIn(given, "stuck") ?? summary;
  if (status === "failed") return { icon: "ringCross", ink: "text-bad", text: "failed", summary: failed };
  const { text, fine } = handedIn(role, given);
  return { icon: fine ? "ring" : "ringBang", ink: fine ? "text-good" : "text-warn", text, summary };
}

function handedIn(role: string, result: Result): { text: string; fine: boolean } {
  const verdict = textIn(result, "verdict");
  if (verdict === "approve") return { text: "approved", fine: true };
  if (verdict === "request_changes")
    return { text: `asked for changes: ${many(countIn(result, "findings"), "finding")}`, fine: false };
  if (verdict) return { text: verdict.replaceAll("_", " "), fine: true };
  const advice = textIn(result, "recommendation");
  if (advice) return { text: `advised: ${advice.replaceAll("_", " ")}`, fine: advice !== "give_up" };
  if (role === "planner") return { text: planned(textIn(result, "spec") ?? ""), fine: true };
  if (role === "architect")
    return { text: many(countIn(result, "approaches"), "approach").replace("hs", "hes"), fine: true };
  if (role === "tester" && countIn(result, "test_files") > 0)
    return { text: many(countIn(result, "test_files"), "test file"), fine: true };
  return { text: "done", fine: true };
}

/** Tasks are the lines with a box. */
const planned = (spec: string) => many((spec.match(/^\s*[-*+] \[[ xX]\] /gm) ?? []).length, "task");

/** What an agent run worked on, by its key and without its role: "task-2/fix-1" is "task 2 · fix-1", a task's coder "task 2". */
export function placeOf({ agent_run, role }: Pick<AgentRunView, "agent_run" | "role">): string {
  return agent_run
    .split("/")
    .filter((part) => part !== role)
    .map((part) => part.replace(/^task-(?=\d+$)/, "task "))
    .join(" · ");
}
