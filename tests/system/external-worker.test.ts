// The worker of docs/external-agents.md, as it stands there: a reader who copies it has a host of external agents. It is
// run against a whole factory, whose ordinary runner then validates in a jail what it has sent.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { FakeAnthropic } from "../support/fake-anthropic";
import { Factory, ROOT } from "./factory";
import { submit, untilJob } from "./jobs";

const LIMIT_MS = 120_000;

let model: FakeAnthropic;
let factory: Factory;
let folder: string;

beforeAll(async () => {
  model = await new FakeAnthropic().start();
  const env = { ANTHROPIC_API_KEY: "sk-ant-the-key-of-the-factory", ANTHROPIC_BASE_URL: model.url };
  factory = await Factory.start({ env, workers: 1 });
  folder = mkdtempSync(join(tmpdir(), "fabrica-own-worker-"));
}, 180_000);
afterAll(async () => {
  await factory?.stop();
  await model?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** The first shell block of the chapter about the protocol. */
function script(): string {
  const text = readFileSync(join(ROOT, "docs/external-agents.md"), "utf8");
  const chapter = text.slice(text.indexOf("\n## The worker protocol of this lane"));
  const block = /```sh\n([\s\S]*?)```/.exec(chapter)?.[1];
  if (!block) throw new Error("the chapter has no script");
  return block;
}

async function run(): Promise<{ code: number; said: string }> {
  const { runner } = JSON.parse(readFileSync(join(factory.dataDir, "secrets.json"), "utf8")) as {
    runner: string;
  };
  const { PATH, HOME } = process.env;
  const child = spawn("bash", ["-c", script()], {
    cwd: folder,
    env: {
      ...(PATH && { PATH }),
      ...(HOME && { HOME }),
      NODE_ENV: "test",
      URL: factory.url,
      REGISTRATION_TOKEN: runner,
      AGENT: `${process.execPath} ${join(ROOT, "tests/support/stand-in-agent.mjs")}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part: Buffer) => {
      said += part;
    });
  const [code] = (await once(child, "close")) as [number];
  return { code, said };
}

it("does a whole job that is validated and delivered, with a person's message and a model's answer", async () => {
  const id = await submit(factory, {
    agent: "external",
    hold_back_tests: false,
    spec: "# Words\n\n- [ ] Count the words of a text\n",
  });
  await factory.client.call("POST", `/api/v1/jobs/${id}/messages`, z.unknown(), {
    text: "Use tabs, please.",
  });
  const { code, said } = await run();
  expect(code, said).toBe(0);
  expect(said).toContain("Use tabs, please.");
  expect(said).toContain('"accepted":true');
  const over = ["completed", "failed", "escalated"];
  const job = await untilJob(factory, id, ({ status }) => over.includes(status), LIMIT_MS);
  expect(job.status, `${job.error_message}\n${said}`).toBe("completed");
  expect(existsSync(join(job.output_path ?? "", "src/count-the-words-of-a-text.js"))).toBe(true);
  expect(model.asked).toHaveLength(1);
  expect(job.cost_usd).toBe(0.006);
  const { messages } = await factory.client.call(
    "GET",
    `/api/v1/jobs/${id}/messages`,
    z.object({ messages: z.array(z.object({ text: z.string(), state: z.string() })) }),
  );
  expect(messages).toEqual([{ text: "Use tabs, please.", state: "read" }]);
}, 180_000);
