// A model without a model: answers prompts with tool calls, as any provider does, from the messages alone.
// It keeps nothing between calls and draws every choice from the job, so the same question has the same answer.
import { type ModelAnswer, ModelError, type ModelProvider, type ModelRequest } from "../port";
import { changeTitles } from "./change/modules";
import { type Conversation, isChange, type Job, readConversation } from "./conversation";
import { parseSimulationModel, type SimulationModel } from "./model-name";
import { planProject, titlesFor } from "./plan";
import type { PlannedAnswer } from "./roles/answer";
import { changeCoder, changeFixer, changeSpecTester, changeTester } from "./roles/change";
import { coderAnswer, specTesterAnswer, testerAnswer } from "./roles/coder";
import { conflictAnswer, isConflict } from "./roles/conflict";
import { deployerAnswer } from "./roles/deployer";
import { fixerAnswer } from "./roles/fixer";
import { architectAnswer, debuggerAnswer, leastAnswer, plannerAnswer, reviewerAnswer } from "./roles/other";
import { tasksOfSpec } from "./spec";
import { hashText } from "./text";
import { outputTokens, usageOf } from "./usage";

/**
 * Makes the simulation provider.
 * @param options.latencyMs milliseconds that each answer takes (default 0)
 */
export function createSimulation(options: { latencyMs?: number } = {}): ModelProvider {
  return {
    name: "simulation",
    async ask(request) {
      const model = parseSimulationModel(request.model);
      await pause(options.latencyMs ?? 0, request.signal);
      const talk = readConversation(request.messages);
      return present(request, cutToSize(heard(request, talk, plan(request, talk, model)), request.maxTokens));
    },
    async check() {
      return { ok: true, detail: "Simulation answers without a key and without a network." };
    },
  };
}

function plan(request: ModelRequest, talk: Conversation, model: SimulationModel): PlannedAnswer {
  const only = request.tools.find((tool) => tool.name === (request.forceTool ?? "finish"));
  const answer = byRole(request, talk, model);
  const offered = new Set(request.tools.map((tool) => tool.name));
  if (answer?.calls.every((call) => offered.has(call.name))) return answer;
  const tool = only ?? request.tools[0];
  return tool ? leastAnswer(tool) : { text: "There is nothing for me to do.", calls: [] };
}

const CHANGE_ROLES = { coder: changeCoder, tester: changeTester, fixer: changeFixer };

/** The answer of the roles that build; null for all others, and where the prompt names no job or task. */
function byRole(
  { role, maxTokens }: ModelRequest,
  talk: Conversation,
  model: SimulationModel,
): PlannedAnswer | null {
  const { job, task } = talk;
  if (!job) return null;
  if (role === "planner") return plannerAnswer(talk, job, maxTokens);
  if (role === "architect") return architectAnswer(talk);
  if (role === "reviewer") return reviewerAnswer(talk);
  if (role === "deployer" && talk.targets.length > 0) return deployerAnswer(talk, job, model);
  if (role === "fixer" && isChange(job) && isConflict(talk.failure)) return conflictAnswer(talk);
  if (!task && role === "tester" && talk.hold !== null) return specTester(talk, job);
  if (!task) return null;
  if (role === "debugger") return debuggerAnswer(talk);
  if (role !== "coder" && role !== "tester" && role !== "fixer") return null;
  const fromSpec = tasksOfSpec(talk.spec ?? "");
  const titles = fromSpec.length > 0 ? fromSpec : isChange(job) ? changeTitles(job).titles : titlesFor(job);
  // The fixer of a change may work on a merge, which is a task behind those of the plan.
  const merges = isChange(job) && role === "fixer" && titles.length > 0;
  while (titles.length < task.n && !merges) titles.push(task.title);
  if (isChange(job)) {
    return CHANGE_ROLES[role]({ talk, job, titles, n: task.n, model });
  }
  const project = planProject(job, titles, talk.jobText);
  if (role === "coder") return coderAnswer(talk, project, task.n, model);
  if (role === "tester") return testerAnswer(talk, project, task.n, model);
  return fixerAnswer(talk, project, task.n, model);
}

function specTester(talk: Conversation, job: Job): PlannedAnswer {
  const fromSpec = tasksOfSpec(talk.spec ?? "");
  const titles = (other: () => string[]) => (fromSpec.length > 0 ? fromSpec : other());
  if (isChange(job)) return changeSpecTester({ talk, job, titles: titles(() => changeTitles(job).titles) });
  return specTesterAnswer(
    talk,
    planProject(
      job,
      titles(() => titlesFor(job)),
      talk.jobText,
    ),
  );
}

/** Says that it read what people said, in the answer to that very turn, where there is room for it. */
function heard(request: ModelRequest, talk: Conversation, answer: PlannedAnswer): PlannedAnswer {
  if (talk.steering.length === 0) return answer;
  const noted = talk.steering
    .map(
      (said) =>
        `Noted: ${said
          .slice(0, 200)
          .toWellFormed()
          .replace(/[.\s]+$/, "")}.`,
    )
    .join("\n");
  const full = { ...answer, text: `${noted}\n${answer.text}` };
  if (outputTokens({ ...full, calls: full.calls.slice(0, 1) }) <= request.maxTokens) return full;
  return answer;
}

/** Leaves calls that would go beyond the limit of the answer for the next turn. */
function cutToSize(answer: PlannedAnswer, maxTokens: number): PlannedAnswer {
  const calls = [...answer.calls];
  while (calls.length > 1 && outputTokens({ ...answer, calls }) > maxTokens) calls.pop();
  return { ...answer, calls };
}

function present(request: ModelRequest, answer: PlannedAnswer): ModelAnswer {
  const usage = usageOf(request, answer);
  if (usage.output > request.maxTokens) {
    throw new ModelError(
      "malformed",
      `The answer needs ${usage.output} tokens, ${request.maxTokens} are allowed.`,
      null,
      {
        ...usage,
        output: request.maxTokens,
      },
    );
  }
  for (const piece of answer.text.match(/\S+\s*/g) ?? []) request.onText?.(piece);
  const seed = hashText(JSON.stringify(request.messages)).toString(36);
  const calls = answer.calls.map((call, index) => ({
    id: `sim_${request.messages.length}_${seed}_${index}`,
    ...call,
  }));
  return { text: answer.text, calls, stop: calls.length > 0 ? "tool" : "end", usage, model: request.model };
}

/** Waits, unless the question is withdrawn. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const withdrawn = () => {
      clearTimeout(timer);
      reject(new ModelError("network", "The question was withdrawn."));
    };
    if (signal.aborted) return reject(new ModelError("network", "The question was withdrawn."));
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", withdrawn);
      resolve();
    }, ms);
    signal.addEventListener("abort", withdrawn, { once: true });
  });
}
