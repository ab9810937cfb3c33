/**
 * A server of the Messages API that plays every role of the evaluation tasks, the same way each time. Which task and
 * which role is asked for stands in the question, how far they are in its history, how well it is played in the name
 * of the model; so one server serves many jobs at once and a question that is asked again is answered again the same.
 */
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { leastOf } from "./least-answer";
import { type Answers, answersOf, BEHAVIOURS, type Behaviour, type Call } from "./scripted-answers";
import type { EvalTask } from "./task";

export interface RunningModel {
  /** For ANTHROPIC_BASE_URL; any key will do. */
  url: string;
  /** Role and task of each question so far, in order. */
  requests(): string[];
  stop(): Promise<void>;
}

const CHARS_PER_TOKEN = 4;

/** The name of the model that behaves so. */
export const modelThatIs = (behaviour: Behaviour): string => `scripted-${behaviour}`;

/** Starts it on a free port of 127.0.0.1. A model of any other name is played perfectly. */
export async function startScriptedModel(tasks: EvalTask | readonly EvalTask[]): Promise<RunningModel> {
  const known = "name" in tasks ? [tasks] : tasks;
  const asked: string[] = [];
  const server = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  server.on({ predicate: () => true }, (request) => {
    const task = known.find(({ title }) => textOf(request, "user").includes(JSON.stringify(title)));
    const role = /You are the (\w+) of/.exec(textOf(request, "system"))?.[1] ?? "unknown";
    asked.push(`${role} ${task?.name ?? "?"}`);
    if (!task)
      return { error: { message: "No task has this title.", type: "invalid_request_error" }, status: 400 };
    const behaviour = BEHAVIOURS.find((one) => request.model === modelThatIs(one)) ?? "perfect";
    const calls = callsOf(answersOf(task, behaviour), role, request);
    const usage = usageOf(request, calls);
    if (calls.length === 0) return { content: `There is nothing to do for a ${role}.`, usage };
    const toolCalls = calls.map(({ name, input }) => ({ name, arguments: JSON.stringify(input) }));
    return { toolCalls, usage };
  });
  await server.start();
  return { url: server.url, requests: () => [...asked], stop: () => server.stop() };
}

/** About what a real model would count, so that money flows as it does with one. */
function usageOf(request: ChatCompletionRequest, calls: readonly Call[]) {
  const tokens = (value: unknown) => Math.ceil(JSON.stringify(value).length / CHARS_PER_TOKEN);
  return { input_tokens: tokens([request.messages, request.tools]), output_tokens: tokens(calls) };
}

/** What a role does in its next turn; one that the script does not know hands in the least that will do. */
function callsOf(answers: Answers, role: string, request: ChatCompletionRequest): readonly Call[] {
  const turns = answers[role] ?? [];
  const turn = request.messages.filter((message) => message.role === "assistant").length;
  const calls = turns[Math.min(turn, turns.length - 1)];
  const offered = request.tools?.map((tool) => tool.function) ?? [];
  if (calls?.every(({ name }) => offered.some((tool) => tool.name === name))) return calls;
  const last = offered.find(({ name }) => name === "finish") ?? offered[0];
  return last ? [{ name: last.name, input: leastOf(last.parameters) as Record<string, unknown> }] : [];
}

/** Everything that was said in a role. */
function textOf(request: ChatCompletionRequest, role: "system" | "user"): string {
  return request.messages
    .filter((message) => message.role === role)
    .map(({ content }) =>
      typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("\n"),
    )
    .join("\n");
}
