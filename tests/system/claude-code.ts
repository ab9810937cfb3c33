// Claude Code itself in a jail, for a whole job, with a model that is a script: `npx tsx tests/system/claude-code.ts FOLDER`,
// where FOLDER is what `npm install --prefix FOLDER @anthropic-ai/claude-code@VERSION` made. By hand, because no test
// may need a package from a registry. Exit code 0 when the job was completed.
import { type Block, FakeAnthropic } from "../support/fake-anthropic";
import { RalphHost } from "../support/ralph-host";
import { Factory } from "./factory";
import { submit, untilJob } from "./jobs";

const LIMIT_MS = 300_000;
const CODE =
  "/** Counts words. */\nexport function count(text) {\n  return text.split(/\\s+/).filter(Boolean).length;\n}\n";
const TEST = `import assert from "node:assert";
import test from "node:test";
import { count } from "../src/words.js";

test("counts", () => {
  assert.strictEqual(count("a b"), 2);
});
`;
const CHECK = "node --test 2>&1 | tail -12 && sed -i 's/\\[ \\]/[x]/' SPEC.md";

const use = (id: number, name: string, input: Record<string, unknown>): Block => ({
  type: "tool_use",
  id: `toolu_${id}`,
  name,
  input,
});
const write = (id: number, path: string, content: string) =>
  use(id, "Write", { file_path: `/work/${path}`, content });
const bash = (id: number, command: string) => use(id, "Bash", { command, description: "work" });

/** By how many results of tools the question has; questions of other kinds get a word. */
function answerTo(body: Record<string, unknown>): Block[] {
  const tools = (body.tools as { name: string }[] | undefined) ?? [];
  if (!tools.some(({ name }) => name === "Write")) return [{ type: "text", text: "ok" }];
  switch (JSON.stringify(body.messages).split('"tool_result"').length - 1) {
    case 0:
      return [bash(1, "cat SPEC.md; env | sort; curl -m 3 -sS http://169.254.169.254")];
    case 1:
      return [
        write(2, "package.json", '{ "type": "module", "private": true }\n'),
        write(3, "src/words.js", CODE),
        write(4, "test/words.test.js", TEST),
      ];
    case 4:
      return [bash(5, CHECK)];
    default:
      return [{ type: "text", text: '{"v":1,"type":"completed","summary":"all done"}' }];
  }
}

async function main(tools: string): Promise<boolean> {
  const model = await new FakeAnthropic().start();
  model.answerTo = answerTo;
  const env = {
    ANTHROPIC_API_KEY: "sk-ant-the-real-key-of-the-factory",
    ANTHROPIC_BASE_URL: model.url,
    SANDBOX_MEMORY_MB: "2048",
  };
  const factory = await Factory.start({ env, workers: 1 });
  let host: RalphHost | null = null;
  try {
    const command = "claude -p --output-format stream-json --verbose --dangerously-skip-permissions";
    host = await RalphHost.start({ url: factory.url, dataDir: factory.dataDir, tools, command });
    const spec = "# Words\n\n- [ ] Count words\n";
    // The script has no part for the factory's own tester.
    const id = await submit(factory, { agent: "external", hold_back_tests: false, spec });
    const over = ["completed", "failed", "escalated", "paused"];
    const job = await untilJob(factory, id, ({ status }) => over.includes(status), LIMIT_MS);
    const events = await factory.sql<{ type: string; data: object }>(
      "SELECT e.type, e.data FROM job_event e JOIN job j ON j.id = e.job_id WHERE j.public_id = $1 ORDER BY e.seq",
      [id],
    );
    for (const { type, data } of events)
      if (/^(external|job\.moved|check)/.test(type)) console.log(type, JSON.stringify(data));
    for (const { path, body } of model.asked)
      console.log(path, body.model, body.max_tokens, `${JSON.stringify(body).length} bytes`);
    console.log(job.status, job.error_message ?? "", `$${job.cost_usd}`);
    return job.status === "completed";
  } finally {
    await host?.stop();
    await factory.stop();
    await model.stop();
  }
}

main(process.argv[2] ?? "").then(
  (completed) => process.exit(completed ? 0 : 1),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
