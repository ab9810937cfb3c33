// An external agent that is no model: it keeps the contract of docs/external-agents.md and does what a line
// `agent: …` in its SPEC.md says, such as work, stuck, failing, hanging, noisy or prying. Plain JavaScript without
// packages, because it runs in sandboxes.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";

const SPEC = process.env.FABRICA_SPEC ?? "SPEC.md";
const NOTES = process.env.FABRICA_NOTES ?? ".ai";
const iteration = Number(process.env.FABRICA_ITERATION ?? 1);
const spec = readFileSync(SPEC, "utf8");
const mode = /^agent: (.+)$/m.exec(spec)?.[1] ?? "work";

/** One line of the contract. */
function say(type, data = {}) {
  process.stdout.write(`${JSON.stringify({ v: 1, type, ts: new Date().toISOString(), ...data })}\n`);
}

/** Asks the model, as any client of the Messages API would. */
function ask(body, { method = "POST", path = "/v1/messages" } = {}) {
  const { ANTHROPIC_BASE_URL: base, ANTHROPIC_API_KEY: key } = process.env;
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "x-api-key": key,
      "anthropic-version": "2023-06-01",
    };
    const call = request(new URL(base.replace(/\/$/, "") + path), { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const question = (text, maxTokens = 1_024) => ({
  model: process.env.ANTHROPIC_MODEL ?? "claude-sonnet-4-6",
  max_tokens: maxTokens,
  stream: true,
  messages: [{ role: "user", content: text }],
});

/** The answer's text; leaves as a failed agent when there is none. */
async function think(text, maxTokens) {
  const { status, text: answer } = await ask(question(text, maxTokens));
  if (status !== 200) {
    say("failed", { reason: `the model answered ${status}: ${answer.slice(0, 300)}` });
    process.exit(1);
  }
  const deltas = answer.matchAll(/"text_delta","text":("(?:[^"\\]|\\.)*")/g);
  say("usage", { tokens: 10, cost: 0.001 });
  return [...deltas].map(([, part]) => JSON.parse(part)).join("");
}

/** Whether a connection can be made. */
function reaches(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .on("connect", () => end(true))
      .on("error", () => end(false))
      .on("timeout", () => end(false));
  });
}

function writeProject(task) {
  const name = task
    .toLowerCase()
    .replace(/[^a-z]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 30);
  mkdirSync("src", { recursive: true });
  mkdirSync("test", { recursive: true });
  if (!existsSync("package.json")) writeFileSync("package.json", '{ "type": "module", "private": true }\n');
  writeFileSync(
    `src/${name}.js`,
    "/** How many words a text has. */\nexport function count(text) {\n  return text.split(/\\s+/).filter(Boolean).length;\n}\n",
  );
  writeFileSync(
    `test/${name}.test.js`,
    `import assert from "node:assert";\nimport test from "node:test";\nimport { count } from "../src/${name}.js";\n\n` +
      `test("counts the words of ${name}", () => {\n  assert.strictEqual(count("one two  three"), 3);\n  assert.strictEqual(count(""), 0);\n});\n`,
  );
  return [`src/${name}.js`, `test/${name}.test.js`];
}

async function work() {
  const open = /^(\s*[-*] \[) (\] (.+))$/m.exec(spec);
  if (!open) return say("completed", { summary: "nothing was left to do" });
  const task = open[3].trim();
  say("task", { id: task, done: false });
  await think(`Do this: ${task}`);
  const files = writeProject(task);
  say("lock", { files });
  writeFileSync(SPEC, spec.replace(open[0], `${open[1]}x${open[2]}`));
  mkdirSync(NOTES, { recursive: true });
  appendFileSync(`${NOTES}/progress.md`, `Iteration ${iteration}: ${task}\n`);
  appendFileSync(`${NOTES}/new-learnings.md`, "- gotcha: an empty text has no words\n");
  say("learning", { kind: "pattern", text: "split at white space, then filter" });
  say("task", { id: task, done: true });
  if (!/^\s*[-*] \[ \] /m.test(readFileSync(SPEC, "utf8")))
    say("completed", { summary: "all tasks are done" });
}

const hang = () => new Promise(() => setInterval(() => {}, 60_000));

/** Asks until it is let. */
async function untilLet() {
  while ((await think("may I go on?")) !== "Go on.") await new Promise((resolve) => setTimeout(resolve, 100));
}

const MODES = {
  work,
  /** Tells what people said to it, and works when the model lets it. */
  listening: async () => {
    const heard = [...prompt.matchAll(/<steering>([\s\S]*?)<\/steering>/g)].map(([, text]) => text);
    say("heard", { heard, kept: existsSync(`${NOTES}/messages.md`) });
    await untilLet();
    await work();
  },
  /** Is stopped in the middle; what it had written by then lets it work the next time. */
  slow: async () => {
    if (existsSync("half.txt")) return work();
    writeFileSync("half.txt", "half of an iteration\n");
    say("hanging", { pid: process.pid });
    await hang();
  },
  stuck: async () => say("stuck", { reason: "nobody knows what a word is" }),
  "stuck by file": async () => {
    mkdirSync(NOTES, { recursive: true });
    writeFileSync(`${NOTES}/stuck.md`, "The dictionary is missing.\n");
  },
  failing: async () => {
    say("failed", { reason: "the compiler is broken" });
    process.exitCode = 3;
  },
  idle: async () => undefined,
  liar: async () => say("completed", { summary: "all done, trust me" }),
  /** The first host hangs in its second iteration, and is killed there; the next one finds iteration 2 begun. */
  hanging: async () => {
    if (iteration !== 2) return work();
    await think("thinking for a long time");
    writeFileSync("half.txt", "half of an iteration\n");
    say("hanging", { iteration });
    await hang();
  },
  noisy: async () => {
    process.stdout.write('not JSON\n{"v":2,"type":"iteration"}\n{"v":1}\n\u0000\u001b[31mred\n');
    process.stdout.write(`{"v":1,"type":"task","id":7}\n{"v":1,"type":"iteration","n":-1}\n`);
    process.stdout.write(`${"x".repeat(600_000)}\n`);
    say("dreaming", { about: ["electric", "sheep"], key: "sk-ant-abcdefghijklmnopqrstuvwxyz" });
    process.stdout.write(`{"v":1,"type":"iteration","n":1,"cut`);
    process.stdout.write("\n");
    await work();
  },
  spending: async () => {
    writeFileSync("before.txt", `kept from iteration ${iteration}\n`);
    for (let n = 1; n <= 200; n++) await think(`question ${n}`, 8_000);
  },
  prying: async () => {
    const { ANTHROPIC_BASE_URL: base } = process.env;
    const port = Number(new URL(base).port);
    const others = { app: Number(/app-port: (\d+)/.exec(spec)?.[1] ?? 9_000), dns: 53, web: 80 };
    say("pried", {
      env: Object.keys(process.env).sort().join(" "),
      secrets:
        JSON.stringify(process.env).includes("fabw_") || JSON.stringify(process.env).includes("sk-ant"),
      model: await reaches("127.0.0.1", port),
      app: await reaches("127.0.0.1", others.app),
      metadata: await reaches("169.254.169.254", others.web),
      dns: await reaches("1.1.1.1", others.dns),
      get: (await ask(undefined, { method: "GET", path: "/v1/models" })).status,
      files: (await ask({}, { path: "/v1/files" })).status,
      heartbeat: (await ask({}, { path: "/../heartbeat" })).status,
      search: (await ask({ ...question("x"), tools: [{ type: "web_search_20250305", name: "web_search" }] }))
        .status,
      image: (
        await ask({
          ...question("x"),
          messages: [
            {
              role: "user",
              content: [{ type: "image", source: { type: "url", url: "http://127.0.0.1/x" } }],
            },
          ],
        })
      ).status,
    });
    await work();
  },
};

let prompt = "";
for await (const part of process.stdin) prompt += part;
say("started", { agent: "stand-in" });
if (!prompt.includes(SPEC)) say("failed", { reason: "the prompt does not name the specification" });
await (MODES[mode] ?? work)();
