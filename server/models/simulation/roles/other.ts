// The roles that only judge or describe: planner, debugger, and the least answer for every other one.

import type { ToolDefinition } from "../../port";
import { changeSpec } from "../change/spec";
import { type Conversation, isChange, type Job } from "../conversation";
import { leastOf } from "../least-of";
import { planProject, titlesFor } from "../plan";
import { writeSpec } from "../spec";
import { outputTokens } from "../usage";
import { finish, type PlannedAnswer } from "./answer";

/** The planner's only answer: the whole SPEC.md, in short where the long one would not fit the answer. */
export function plannerAnswer(talk: Conversation, job: Job, maxTokens: number): PlannedAnswer {
  const { text, write } = isChange(job) ? changePlan(talk, job) : buildPlan(talk, job);
  const plain = (short: boolean) => finish(text, { spec: write(short) });
  const changed = (short: boolean) =>
    finish(`The plan again, with what was said of it. ${text}`, {
      spec: `${write(short)}\n${quoted(talk.remarks ?? "")}`,
    });
  const answers = [...(talk.remarks === null ? [] : [changed(false), changed(true)]), plain(false)];
  return answers.find((answer) => outputTokens(answer) <= maxTokens) ?? plain(true);
}

function buildPlan(talk: Conversation, job: Job) {
  const project = planProject(job, titlesFor(job), talk.jobText);
  const text = `A ${project.kind} project in ${project.tasks.length} tasks.`;
  return { text, write: (short: boolean) => writeSpec(project, short) };
}

function changePlan(talk: Conversation, job: Job) {
  const text = "New modules beside what is there.";
  return { text, write: (short: boolean) => changeSpec(talk, job, short) };
}

/** Remarks as a part of the plan in which no line is read as one of its tasks. */
function quoted(remarks: string): string {
  const lines = remarks.slice(0, 4_000).toWellFormed().split(/\r?\n/);
  return `## Remarks on the plan\n\n${lines.map((line) => `> ${line}`).join("\n")}\n`;
}

/** The debugger looks once and says what it saw. */
export function debuggerAnswer(talk: Conversation): PlannedAnswer {
  if (talk.past.length === 0) {
    return {
      text: "Looking at the state of the workspace.",
      calls: [{ name: "run", input: { command: "git status --short && ls" } }],
    };
  }
  const failure = (talk.failure ?? "").split("\n").filter(Boolean).slice(0, 5).join(" / ").slice(0, 600);
  const seen = talk.past[0]?.result?.content
    .split("\n")
    .filter(Boolean)
    .slice(0, 5)
    .join(" / ")
    .slice(0, 400);
  return finish("This is what I see.", {
    root_cause: `Task ${talk.task?.n ?? "?"} does not get further: what was tried left the file that the failure names as it was.`,
    evidence: `${failure ? `The last failure: ${failure}.` : "No check has failed."} In the workspace: ${seen || "nothing"}.`,
    findings: "Do not repeat the same action. Begin with the file that the failure names and write it anew.",
    recommendation: "fix_code",
  });
}

/** The reviewer reads what it is shown and finds nothing to be changed. */
export function reviewerAnswer(talk: Conversation): PlannedAnswer {
  const files = (talk.diff ?? "").match(/^diff --git /gm)?.length ?? 0;
  const lines = (talk.diff ?? "").match(/^[+-](?![+-])/gm)?.length ?? 0;
  const summary = `Read ${lines} changed lines in ${files} files beside the specification; they do what it says.`;
  return finish(summary, { verdict: "approve", summary, findings: [] });
}

const WAYS = [
  [
    "The plain way",
    "One module for each thing, the simplest data structure that will do, no sharing before it hurts.",
  ],
  [
    "Data first",
    "Settle the shape of the data and its checks in one place, then let every operation be a function of it.",
  ],
  [
    "From the outside in",
    "Begin with the interface and its errors, test that, and put the behaviour behind it step by step.",
  ],
  [
    "Small pure functions",
    "Keep input and output at the edge and everything that decides in functions without state.",
  ],
];

/** As many approaches as are asked for. */
export function architectAnswer(talk: Conversation): PlannedAnswer {
  const wanted = Math.min(8, Math.max(1, Number.parseInt(talk.approaches ?? "1", 10) || 1));
  const approaches = Array.from({ length: wanted }, (_, i) => {
    const [title = "", text = ""] = WAYS[i % WAYS.length] ?? [];
    return { title: i < WAYS.length ? title : `${title} (${i + 1})`, text };
  });
  return finish(`There are ${wanted} ways to build this.`, { approaches });
}

/** A valid input for a tool whose meaning is unknown here: the least that its schema allows. */
export function leastAnswer(tool: ToolDefinition): PlannedAnswer {
  return {
    text: "Done.",
    calls: [{ name: tool.name, input: leastOf(tool.input) as Record<string, unknown> }],
  };
}
