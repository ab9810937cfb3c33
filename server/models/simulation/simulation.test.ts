import { rmSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { parseTasks } from "../../domain/checklist";
import type { Role } from "../../domain/roles";
import { type Message, ModelError, type ModelRequest, type ToolDefinition } from "../port";
import { parseSimulationModel } from "./model-name";
import { createSimulation } from "./simulation";
import { tasksOfSpec } from "./spec";
import { Drive } from "./testing/drive";

const JOB = {
  title: "API REST para e-commerce",
  description: "",
  features: ["CRUD produtos", "Carrinho", "Checkout"],
  stack: ["node"],
  toolchains: ["node" as const],
  context: null,
};
const schema = { type: "object", properties: {} };
const TOOLS: ToolDefinition[] = ["run", "read", "write", "edit", "search", "finish"].map((name) => ({
  name,
  description: name,
  input: schema,
}));

function question(role: Role, blocks = "", more: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: "sim-1",
    role,
    system: "system",
    messages: [{ role: "user", text: `<job>${JSON.stringify(JOB)}</job>\n${blocks}` }],
    tools: TOOLS,
    maxTokens: 4096,
    forceTool: null,
    signal: new AbortController().signal,
    ...more,
  };
}
const task = (n: number) => `<task>{"n":${n},"of":3,"title":"${JOB.features[n - 1]}"}</task>`;

const drives: Drive[] = [];
afterEach(() => {
  for (const drive of drives.splice(0)) rmSync(drive.folder, { recursive: true, force: true });
});
function drive(model: string, maxTokens?: number): Drive {
  const made = new Drive(JOB, model, maxTokens);
  drives.push(made);
  return made;
}

describe("model names", () => {
  it("carry faults by task", () => {
    const { faults } = parseSimulationModel("sim-1+lint@1+test@2+garbage@2");
    expect([...faults.get(1)!]).toEqual(["lint"]);
    expect([...faults.get(2)!]).toEqual(["test", "garbage"]);
  });

  it("let a stubborn fixer have something to fail at", () => {
    expect([...parseSimulationModel("sim-1+stubborn@3").faults.get(3)!]).toEqual(["stubborn", "test"]);
  });

  it.each(["sim-2", "sim-1+nonsense@1", "sim-1+test", "sim-1+test@0", "sim-1+"])("refuses %s", (name) => {
    expect(() => parseSimulationModel(name)).toThrow(ModelError);
  });

  it("are refused as an invalid request when asked", async () => {
    const asked = createSimulation().ask(question("planner", "", { model: "sim-1+oops@1" }));
    await expect(asked).rejects.toMatchObject({
      fault: "invalid",
      message: expect.stringContaining("garbage"),
    });
  });
});

describe("the simulation", () => {
  it("gives the same answer to the same question, and remembers nothing", async () => {
    const first = await createSimulation().ask(question("coder", task(1)));
    const provider = createSimulation();
    await provider.ask(question("coder", task(2)));
    expect(await provider.ask(question("coder", task(1)))).toEqual(first);
  });

  it("plans one task for each feature, under ## Tasks", async () => {
    const { calls } = await createSimulation().ask(question("planner", "", { forceTool: "finish" }));
    const { spec } = calls[0]!.input as { spec: string };
    expect(spec).toMatch(/^# API REST para e-commerce\n/);
    expect(tasksOfSpec(spec)).toEqual(JOB.features);
  });

  it("follows the checklist of a given SPEC.md, ticked or not", async () => {
    const spec =
      "<spec># Own\n\n## Tasks\n- [x] Livros\n- [ ] Autores\n\n## Notes\n- [ ] not a task\n</spec>";
    const { calls } = await createSimulation().ask(
      question("coder", `${spec}\n<task>{"n":2,"of":2,"title":"Autores"}</task>`),
    );
    const paths = calls.map((call) => (call.input as { path?: string }).path);
    expect(paths).toContain("src/features/autores.js");
    expect(paths).toContain("src/registry.js");
  });

  it("streams its words and reports usage that a cache would give", async () => {
    let streamed = "";
    const first = await createSimulation().ask(
      question("coder", task(1), { onText: (text) => (streamed += text) }),
    );
    expect(streamed).toBe(first.text);
    expect(first.usage).toMatchObject({ input: 0, cacheRead: 0 });
    expect(first.usage.cacheWrite).toBeGreaterThan(50);
    const before = question("coder", task(1)).messages;
    const messages: Message[] = [
      ...before,
      { role: "assistant", text: first.text, calls: first.calls },
      {
        role: "user",
        text: "",
        results: first.calls.map(({ id }) => ({ callId: id, content: "written", isError: false })),
      },
    ];
    const second = await createSimulation().ask(question("coder", task(1), { messages }));
    expect(second.usage.cacheRead).toBe(first.usage.cacheWrite);
    expect(second.usage.cacheWrite).toBeGreaterThanOrEqual(first.usage.output);
  });

  it("keeps within maxTokens by taking more turns", async () => {
    const small = drive("sim-1", 2000);
    await small.plan();
    const { answers, finished } = await small.task("coder", 1);
    expect(answers.length).toBeGreaterThan(2);
    for (const answer of answers) expect(answer.usage.output).toBeLessThanOrEqual(2000);
    expect(finished).not.toBeNull();
  });

  it("is cut off where a single call does not fit", async () => {
    const asked = createSimulation().ask(question("planner", "", { maxTokens: 20, forceTool: "finish" }));
    await expect(asked).rejects.toMatchObject({ fault: "malformed", usage: { output: 20 } });
  });

  it("stops when the question is withdrawn", async () => {
    const abort = new AbortController();
    const asked = createSimulation({ latencyMs: 60_000 }).ask(
      question("planner", "", { signal: abort.signal }),
    );
    abort.abort();
    await expect(asked).rejects.toBeInstanceOf(ModelError);
  });

  it("refuses a job that cannot be read", async () => {
    const messages: Message[] = [{ role: "user", text: "<job>{nonsense</job>" }];
    await expect(createSimulation().ask(question("coder", "", { messages }))).rejects.toMatchObject({
      fault: "invalid",
    });
  });

  it("answers roles and tools that it does not know by the least that their schema allows", async () => {
    const verdict: ToolDefinition = {
      name: "verdict",
      description: "",
      input: {
        type: "object",
        properties: {
          ok: { type: "boolean" },
          kind: { enum: ["good", "bad"] },
          findings: { type: "array" },
          note: { type: "string" },
        },
        required: ["ok", "kind", "findings"],
      },
    };
    const { calls } = await createSimulation().ask(
      question("judge", "", { tools: [verdict], forceTool: "verdict" }),
    );
    expect(calls).toMatchObject([{ name: "verdict", input: { ok: true, kind: "good", findings: [] } }]);
  });

  it("says that it read a person's message", async () => {
    const { text } = await createSimulation().ask(
      question("coder", `${task(1)}\n<steering>use blue</steering>`),
    );
    expect(text).toContain("Noted: use blue.");
  });

  it("says so of each message, in the answer to its turn and in no later one", async () => {
    const said = {
      role: "user" as const,
      text: "<steering>bo: two</steering>\n<steering>bo: three.</steering>",
    };
    const before = question("coder", `${task(1)}\n<steering>bo: one</steering>`);
    const first = await createSimulation().ask(before);
    const messages = [
      ...before.messages,
      { role: "assistant" as const, text: first.text, calls: first.calls },
    ];
    const results = first.calls.map(({ id }) => ({ callId: id, content: "ok", isError: false }));
    const second = await createSimulation().ask({ ...before, messages: [...messages, { ...said, results }] });
    expect(first.text).toContain("Noted: bo: one.");
    expect(second.text).toMatch(/^Noted: bo: two\.\nNoted: bo: three\.\n/);
    expect(second.text).not.toContain("one");
    const third = await createSimulation().ask({
      ...before,
      messages: [
        ...messages,
        { ...said, results },
        { role: "assistant", text: second.text, calls: [] },
        { role: "user", text: "Use a tool." },
      ],
    });
    expect(third.text).not.toContain("Noted");
  });

  it("does the same work whatever a person says, also where there is no room for an answer", async () => {
    const plain = await createSimulation().ask(question("planner"));
    const steered = `<steering>ana: ${"<task>no</task> [x] ".repeat(400)}</steering>`;
    const maxTokens = plain.usage.output;
    const { calls } = await createSimulation().ask(question("planner", steered, { maxTokens }));
    expect(calls.map((call) => call.input)).toEqual(plain.calls.map((call) => call.input));
  });

  it("plans again with the remarks, which are no tasks", async () => {
    const specOf = async (prompt: string) => {
      const { calls } = await createSimulation().ask(question("planner", prompt));
      return (calls[0] as { input: { spec: string } }).input.spec;
    };
    const plan = await specOf("");
    const again = await specOf(
      `<plan>${plan}</plan>\n<remarks>On version 1: fewer words\n- [ ] and this</remarks>`,
    );
    expect(again).toContain("> On version 1: fewer words");
    expect(parseTasks(again)).toEqual(parseTasks(plan));
    expect(parseTasks(plan)).toHaveLength(3);
  });

  it("reads only what stands in the block itself", async () => {
    const spec = '<spec># S\n<task>{"n":9}\n## Tasks\n- [ ] Posts\n</spec>';
    const { calls } = await createSimulation().ask(
      question("coder", `${spec}\n<task>{"n":1,"of":1,"title":"Posts"}</task>`),
    );
    expect(calls.map((call) => (call.input as { path?: string }).path)).toContain(".gitignore");
  });
});

describe("a model told to err", () => {
  it.each(["garbage@1", "garbage@2"])(
    "%s gives one answer that cannot be used, then the right ones",
    async (fault) => {
      const n = Number(fault.at(-1));
      const erring = drive(`sim-1+${fault}`);
      await erring.plan();
      if (n === 2) await erring.task("coder", 1);
      const { answers, finished } = await erring.task("coder", n);
      const first = answers[0]?.calls ?? [];
      expect(first.every((call) => typeof (call.input as { path: unknown }).path !== "string")).toBe(true);
      expect(finished).not.toBeNull();
      expect(erring.files()).toContain(n === 1 ? "src/features/produtos.js" : "src/features/carrinhos.js");
    },
  );

  it("loop@1 repeats one action endlessly", async () => {
    const erring = drive("sim-1+loop@1");
    await erring.plan();
    const { answers, finished } = await erring.task("coder", 1);
    expect(finished).toBeNull();
    expect(
      new Set(answers.map((answer) => JSON.stringify(answer.calls.map(({ name, input }) => [name, input]))))
        .size,
    ).toBe(1);
  });

  it("stubborn@1 makes the same patch again and again, and nothing gets better", async () => {
    const erring = drive("sim-1+stubborn@1");
    await erring.build();
    const patches: unknown[] = [];
    for (const n of [1, 2]) {
      const { answers, finished } = await erring.task(
        "fixer",
        1,
        `<failure>not ok</failure>\n<attempt>{"n":${n},"max":5}</attempt>`,
      );
      expect(finished).toMatchObject({ files_changed: ["src/features/produtos.js"] });
      patches.push(
        answers.flatMap((answer) =>
          answer.calls.filter((call) => call.name === "write").map((call) => call.input),
        ),
      );
    }
    expect(patches[0]).toEqual(patches[1]);
    expect((await erring.run("node", ["--test", "test/produtos.test.js"])).code).not.toBe(0);
  });

  it("a fixer that finds nothing wrong says so and changes nothing", async () => {
    const fine = drive("sim-1");
    await fine.build();
    const { finished } = await fine.task("fixer", 3, "<failure>Error: the port is taken</failure>");
    expect(finished).toMatchObject({
      files_changed: [],
      root_cause: expect.stringContaining("the port is taken"),
    });
  });
});
