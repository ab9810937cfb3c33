// Logs as jobs leave them, with what output may contain at its worst: colours, control characters, markup, long lines.
import type { NewJobEvent } from "@/server/domain/events";
import type { JobState } from "@/server/domain/job-state";
import type { SeededAgentRun } from "./transcripts";

export interface Story {
  title: string;
  state: JobState;
  progress: number;
  events: NewJobEvent[];
  description?: string;
  features?: string[];
  stack?: string[];
  step?: string;
  iterations?: number;
  claimable?: boolean;
  waitingReason?: string;
  spentMicroUsd?: number;
  error?: string;
  spec?: string;
  tests?: object;
  tasks?: { title: string; done: boolean; fixes?: number }[];
  agentRuns?: SeededAgentRun[];
  checks?: { key: string; kind: string; passed: boolean; report: object }[];
}

/** Text that would run if a page treated output as markup. */
export const MARKUP = '<script>window.hacked = true</script><img src=x onerror="window.hacked = true">';

const ESC = "\u001b";
const TASKS = ["Products with prices", "Cart that remembers", "Checkout that reduces the stock"];
const SPEC = `# Small shop

A REST API for a shop, without a framework. Data is kept in **memory**.

## Tasks
- [x] ${TASKS[0]}
- [ ] ${TASKS[1]}
- [ ] ${TASKS[2]}

## Verification
Run \`node --test\`. Every route has a test.
`;

const REPORT_RED = {
  tool: "node:test",
  unreadable: null,
  tests: [
    { id: "test/cart.test.js::cart::adds a product", outcome: "passed", durationMs: 4, message: "" },
    { id: "test/cart.test.js::cart::keeps amounts apart", outcome: "passed", durationMs: 2, message: "" },
    {
      id: "test/cart.test.js::cart::refuses an amount of zero",
      outcome: "failed",
      durationMs: 11,
      message: `AssertionError: expected 400, got 200\n    at ${ESC}[90mtest/cart.test.js:41:10${ESC}[39m\n${MARKUP}`,
    },
    { id: "test/products.test.js::products::lists", outcome: "skipped", durationMs: 0, message: "" },
  ],
};
const REPORT_LINT = {
  tool: "eslint",
  unreadable: null,
  problems: [
    {
      file: "src/cart.js",
      line: 14,
      column: 7,
      rule: "no-unused-vars",
      message: "'total' is never used.",
      severity: "error",
    },
  ],
};

function opening(title: string): NewJobEvent[] {
  return [
    { type: "job.created", data: { title, kind: "build" } },
    { type: "lease.claimed", data: { worker_id: "worker-7F3K", fence: 1 } },
    {
      type: "job.moved",
      data: {
        from: "pending",
        to: "running",
        move: "first_claim",
        actor: "worker:worker-7F3K",
        reason: null,
      },
    },
    { type: "job.step", data: { step: "setup", task: null, progress: 0.02, iteration: 0 } },
    { type: "command.started", data: { command_id: "c-setup", title: "git init" } },
    {
      type: "command.output",
      data: {
        command_id: "c-setup",
        stream: "stdout",
        text: "Initialized empty Git repository in /work/.git/\n",
      },
    },
    { type: "command.finished", data: { command_id: "c-setup", exit_code: 0, duration_ms: 42, note: null } },
    { type: "job.step", data: { step: "plan", task: null, progress: 0.05, iteration: 0 } },
    {
      type: "agent.started",
      data: { agent_run: "plan", role: "planner", provider: "simulation", model: "sim-1", task: null },
    },
    {
      type: "agent.finished",
      data: {
        agent_run: "plan",
        ok: true,
        summary: "Three tasks, each with its own tests.",
        turns: 1,
        cost_usd: 0.004,
      },
    },
    {
      type: "plan.written",
      data: { tasks: TASKS.map((name, i) => ({ n: i + 1, title: name })), spec: SPEC },
    },
    { type: "spend.settled", data: { role: "planner", model: "sim-1", cost_usd: 0.004, total_usd: 0.004 } },
  ];
}

function coder(task: number, total: number): NewJobEvent[] {
  const agent_run = `task-${task}/coder`;
  const call = (
    turn: number,
    tool: string,
    title: string,
    command_id: string | null = null,
  ): NewJobEvent => ({
    type: "agent.call",
    data: { agent_run, turn, tool, title, command_id },
  });
  const seen = (turn: number, tool: string, text: string, ok = true): NewJobEvent => ({
    type: "agent.observed",
    data: { agent_run, turn, tool, ok, text },
  });
  return [
    { type: "job.step", data: { step: "generate", task, progress: 0.1 + task * 0.2, iteration: task } },
    {
      type: "agent.started",
      data: { agent_run, role: "coder", provider: "simulation", model: "sim-1", task },
    },
    { type: "agent.text", data: { agent_run, turn: 1, text: "I look at what is there, " } },
    { type: "agent.text", data: { agent_run, turn: 1, text: "then write the store and its routes." } },
    call(1, "read", "src/store.js"),
    seen(1, "read", "1  export const products = new Map();"),
    call(2, "write", "src/cart.js"),
    seen(2, "write", "64 lines written"),
    call(3, "edit", "src/server.js"),
    seen(3, "edit", "The old text was not found.", false),
    call(4, "run", "node --check src/server.js && ls -la src", `c-${task}-check`),
    {
      type: "command.started",
      data: { command_id: `c-${task}-check`, title: "node --check src/server.js && ls -la src" },
    },
    {
      type: "command.output",
      data: {
        command_id: `c-${task}-check`,
        stream: "stdout",
        text: "total 16\n-rw-r--r-- 1 work work 1840 cart.js\n",
      },
    },
    {
      type: "command.finished",
      data: { command_id: `c-${task}-check`, exit_code: 0, duration_ms: 61, note: null },
    },
    seen(4, "run", "exit 0\ntotal 16"),
    {
      type: "agent.finished",
      data: {
        agent_run,
        ok: true,
        summary: "A cart with amounts, kept per visitor.",
        turns: 5,
        cost_usd: 0.021,
      },
    },
    {
      type: "workspace.committed",
      data: { commit: "9f1c2ab", message: `task ${task}`, files: 2, added: 88, removed: 3 },
    },
    { type: "spend.settled", data: { role: "coder", model: "sim-1", cost_usd: 0.021, total_usd: total } },
  ];
}

function redTests(task: number, key: string): NewJobEvent[] {
  return [
    { type: "job.step", data: { step: "test", task, progress: 0.45, iteration: task } },
    { type: "command.started", data: { command_id: key, title: "node --test --test-reporter=junit" } },
    {
      type: "command.output",
      data: {
        command_id: key,
        stream: "stdout",
        text: `${ESC}[32m✔ adds a product${ESC}[39m ${ESC}[90m(4.1 ms)${ESC}[39m\n${ESC}[31m✖ refuses an amount of zero${ESC}[39m\n10 %\r50 %\r100 %\n`,
      },
    },
    {
      type: "command.output",
      data: {
        command_id: key,
        stream: "stderr",
        text: `${MARKUP}\n\u0001\u0007${ESC}[2J${ESC}]0;title\u0007 end\n${"long ".repeat(2000)}\n`,
      },
    },
    { type: "command.finished", data: { command_id: key, exit_code: 1, duration_ms: 812, note: null } },
    { type: "check.finished", data: { kind: "test", task, passed: false, summary: "1 of 4 failed" } },
    {
      type: "heal.logged",
      data: {
        n: 1,
        max: 5,
        failing: "cart › refuses an amount of zero",
        root_cause: "The amount is read as text, so 0 counts as given.",
        files_changed: ["src/cart.js"],
        result: "green again",
      },
    },
  ];
}

const CHECKS = [
  { key: "task-2/lint-1", kind: "lint", passed: false, report: REPORT_LINT },
  {
    key: "task-2/lint-2",
    kind: "lint",
    passed: true,
    report: { tool: "eslint", problems: [], unreadable: null },
  },
  { key: "task-2/test-1", kind: "test", passed: false, report: REPORT_RED },
];

/** A job that has not begun, or never will. */
export function waitingStory(title: string, state: JobState, waitingReason?: string): Story {
  return {
    title,
    state,
    progress: 0,
    ...(waitingReason && { waitingReason }),
    events: [{ type: "job.created", data: { title, kind: "build" } }],
  };
}

/** A job in the middle of its second task. */
export function runningStory(): Story {
  const title = "API REST para e-commerce";
  return {
    title,
    state: "running",
    features: ["CRUD produtos", "Carrinho", "Checkout"],
    stack: ["node", "typescript"],
    progress: 0.45,
    step: "fix",
    iterations: 2,
    spentMicroUsd: 46_000,
    spec: SPEC,
    tasks: TASKS.map((name, i) => ({ title: name, done: i === 0, fixes: i === 0 ? 1 : 0 })),
    checks: CHECKS,
    tests: { passed: 2, failed: 1, skipped: 1, total: 4 },
    events: [
      ...opening(title),
      ...coder(1, 0.025),
      { type: "task.done", data: { n: 1, fixes: 1 } },
      ...coder(2, 0.046),
      ...redTests(2, "c-test-2"),
      { type: "job.step", data: { step: "fix", task: 2, progress: 0.47, iteration: 3 } },
      {
        type: "agent.started",
        data: { agent_run: "task-2/fix-1", role: "fixer", provider: "simulation", model: "sim-1", task: 2 },
      },
      { type: "model.waiting", data: { fault: "overloaded", message: "overloaded", retry_in_ms: 4000 } },
      {
        type: "agent.call",
        data: {
          agent_run: "task-2/fix-1",
          turn: 1,
          tool: "run",
          title: "node --test test/cart.test.js",
          command_id: "c-fix",
        },
      },
      { type: "command.started", data: { command_id: "c-fix", title: "node --test test/cart.test.js" } },
      {
        type: "command.output",
        data: { command_id: "c-fix", stream: "stdout", text: `${ESC}[1mrunning${ESC}[0m 3 tests …\n` },
      },
    ],
  };
}

/** A job that ran out of fixes. */
export function failedStory(): Story {
  const title = "Blog com posts e comentarios";
  return {
    title,
    state: "failed",
    stack: ["python", "fastapi"],
    progress: 0.55,
    iterations: 6,
    spentMicroUsd: 1_312_400,
    error: "Task 2 was still red after 5 fixes: cart › refuses an amount of zero.",
    spec: SPEC,
    tasks: TASKS.map((name, i) => ({ title: name, done: i === 0 })),
    checks: CHECKS,
    tests: { passed: 2, failed: 1, skipped: 1, total: 4 },
    events: [
      ...opening(title),
      ...coder(1, 0.9),
      ...coder(2, 1.3124),
      ...redTests(2, "c-test-2"),
      {
        type: "job.moved",
        data: {
          from: "running",
          to: "failed",
          move: "gave_up",
          actor: "factory",
          reason: "Task 2 was still red after 5 fixes.",
        },
      },
    ],
  };
}

/** A finished job with so much output that a careless page would stand still. */
export function longStory(lines: number): Story {
  const title = "Library with very talkative tests";
  const perEvent = 20;
  const output: NewJobEvent[] = Array.from({ length: Math.ceil(lines / perEvent) }, (_, i) => ({
    type: "command.output",
    data: {
      command_id: "c-long",
      stream: i % 9 === 0 ? "stderr" : "stdout",
      text: Array.from(
        { length: perEvent },
        (_line, n) => `${ESC}[3${n % 8}mline ${i * perEvent + n + 1}${ESC}[0m of the run\n`,
      ).join(""),
    },
  }));
  const calls: NewJobEvent[] = Array.from({ length: 600 }, (_, i) => ({
    type: "agent.call",
    data: {
      agent_run: "task-1/coder",
      turn: i + 1,
      tool: "read",
      title: `src/part-${i + 1}.js`,
      command_id: null,
    },
  }));
  return {
    title,
    state: "completed",
    progress: 1,
    iterations: 1,
    spentMicroUsd: 210_000,
    events: [
      ...opening(title),
      ...coder(1, 0.21),
      ...calls,
      { type: "job.step", data: { step: "test", task: 1, progress: 0.5, iteration: 1 } },
      { type: "command.started", data: { command_id: "c-long", title: "npm test" } },
      ...output,
      {
        type: "command.finished",
        data: { command_id: "c-long", exit_code: 0, duration_ms: 9120, note: null },
      },
      { type: "check.finished", data: { kind: "test", task: 1, passed: true, summary: "all 4 passed" } },
      {
        type: "job.moved",
        data: { from: "approved", to: "completed", move: "delivered", actor: "factory", reason: null },
      },
    ],
  };
}
