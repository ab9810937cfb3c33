// Every role's prompt holds together with the simulation that plays it: what it hands in is what the role asks for.
import { describe, expect, it } from "vitest";
import { createSimulation } from "../../models/simulation/simulation";
import { toolsOf } from "./role-prompt";
import { type AgentRole, promptOf } from "./roles";

const JOB = {
  kind: "build",
  title: "Blog",
  description: "",
  features: ["Posts", "Tags"],
  stack: ["node"],
  toolchains: ["node"],
};
const TASK = '<task>{"n":1,"of":2,"title":"Posts"}</task>';

/** What a role hands in at the end of its run; every tool call before it goes well. */
async function handedIn(role: AgentRole, blocks = "", model = "sim-1"): Promise<Record<string, unknown>> {
  const provider = createSimulation();
  const first = `<job>${JSON.stringify(JOB)}</job>\n${blocks}`;
  const messages: Parameters<typeof provider.ask>[0]["messages"] = [{ role: "user", text: first }];
  for (let turn = 0; turn < 20; turn++) {
    const { text, calls } = await provider.ask({
      model,
      role,
      system: promptOf(role).system,
      messages,
      tools: toolsOf(promptOf(role)),
      maxTokens: 4096,
      forceTool: null,
      signal: new AbortController().signal,
    });
    const end = calls.find(({ name }) => name === "finish");
    if (end) return end.input as Record<string, unknown>;
    messages.push({ role: "assistant", text, calls });
    const results = calls.map(({ id }) => ({ callId: id, content: "written", isError: false }));
    messages.push({ role: "user", text: "", results });
  }
  throw new Error("it never finished");
}

describe("a role", () => {
  it.each<[AgentRole, string]>([
    ["architect", "<approaches>3</approaches>"],
    ["planner", ""],
    ["coder", TASK],
    ["tester", TASK],
    ["tester", `${TASK}\n<hold>one</hold>`],
    ["tester", "<hold>all</hold>"],
    ["fixer", `${TASK}\n<failure>x</failure>`],
    ["debugger", `${TASK}\n<failure>x failed</failure>`],
    ["reviewer", "<diff>diff --git a/a b/a\n+1\n</diff>"],
    ["deployer", '<targets>[{"target":"systemd"},{"target":"docker-compose"}]</targets>'],
    ["deployer", ""],
  ])("is played as it is asked for: %s %s", async (role, blocks) => {
    expect(promptOf(role).finish.safeParse(await handedIn(role, blocks))).toMatchObject({ success: true });
  });

  it.each([1, 2, 5, 8])("of an architect gives as many ways as are wanted: %d", async (wanted) => {
    const { approaches } = await handedIn("architect", `<approaches>${wanted}</approaches>`);
    const titles = (approaches as { title: string }[]).map(({ title }) => title);
    expect(new Set(titles).size).toBe(wanted);
  });

  it("of a tester holds back only where that is wanted", async () => {
    expect(await handedIn("tester", TASK)).toMatchObject({ held_back: [] });
    const held = await handedIn("tester", `${TASK}\n<hold>one</hold>`);
    expect(held.held_back).toEqual([expect.stringMatching(/-unseen\.test\.js$/)]);
    const files = held.test_files as string[];
    expect(files.filter((path) => !(held.held_back as string[]).includes(path)).length).toBeGreaterThan(0);
    const all = await handedIn("tester", "<hold>all</hold>");
    expect((all.held_back as string[]).length).toBeGreaterThan(1);
  });

  it("that only looks can change nothing", () => {
    expect(toolsOf(promptOf("reviewer")).map(({ name }) => name)).toEqual([
      "read",
      "search",
      "tree",
      "finish",
    ]);
    expect(toolsOf(promptOf("architect")).map(({ name }) => name)).toEqual(["finish"]);
  });
});
