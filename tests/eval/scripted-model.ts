/**
 * A server of the Messages API that plays every role of the evaluation tasks, the same way each time. Which task and
 * which role is asked for stands in the question, how far they are in its history; so one server serves many jobs at
 * once and a question that is asked again is answered again the same.
 */
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { type EvalTask, mendOf } from "./task";

interface Call {
  name: string;
  input: Record<string, unknown>;
}

/** What a role does in each of its turns. */
type Turns = readonly (readonly Call[])[];

export interface RunningModel {
  /** For ANTHROPIC_BASE_URL; any key will do. */
  url: string;
  /** Role and task of each question so far, in order. */
  requests(): string[];
  stop(): Promise<void>;
}

/** Starts it on a free port of 127.0.0.1. */
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
    const turns = turnsOf(task, role);
    const turn = request.messages.filter((message) => message.role === "assistant").length;
    const calls = turns[Math.min(turn, turns.length - 1)] ?? [];
    if (calls.length === 0) return { content: `There is nothing to do for a ${role}.` };
    return { toolCalls: calls.map(({ name, input }) => ({ name, arguments: JSON.stringify(input) })) };
  });
  await server.start();
  return { url: server.url, requests: () => [...asked], stop: () => server.stop() };
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

function turnsOf(task: EvalTask, role: string): Turns {
  const mend = mendOf(task);
  switch (role) {
    case "planner":
      return [[finish({ spec: specOf(task) })]];
    case "coder":
      return [
        [...new Set(mend.map(({ file }) => file))].map((path) => ({ name: "read", input: { path } })),
        mend.map(({ file, find, replace }) => ({
          name: "edit",
          input: { path: file, old: find, new: replace },
        })),
        [finish({ summary: `Mended: ${task.title}` })],
      ];
    case "tester": {
      const files = task.addTest.map(({ file, content }) => ({
        name: "write",
        input: { path: file, content },
      }));
      const names = task.addTest.map(({ file }) => file);
      return [files, [finish({ summary: "A test of what was reported.", test_files: names })]];
    }
    case "fixer":
      return [[finish({ summary: "Looked.", root_cause: "Not found.", files_changed: [] })]];
    default:
      return [];
  }
}

const finish = (input: Record<string, unknown>): Call => ({ name: "finish", input });

function specOf({ title, description }: EvalTask): string {
  return `# ${title}\n\n${description}\n\n## Tasks\n\n- [ ] Mend what was reported\n`;
}
