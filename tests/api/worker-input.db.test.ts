// Whatever a worker with a good token and a good lease sends in any field of any call, it is answered with a plain word.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ClaimAnswer, PROTOCOL_HEADER, PROTOCOL_VERSION, type RegisterAnswer } from "@/runner/protocol";
import { emptyResult } from "@/runner/run-command";
import { handleRest } from "@/server/api/http/rest";
import { answerWorkerRequest } from "@/server/api/worker/handle-worker-call";
import { db as sharedDb } from "@/server/db";
import { listener } from "@/server/events/listen";
import { enqueueCommands } from "@/server/services/commands/enqueue-command";
import { addPerson, type Call, type Factory, makeRequest, type Person, read, startFactory } from "./support";

const REGISTRATION = "registration-token-of-this-test";
const ABOUT = {
  protocol: PROTOCOL_VERSION,
  name: "r",
  slots: 1,
  driver: "bubblewrap",
  probe: [{ name: "memory", result: "pass", detail: "limited" }],
  programs: { node: "20" },
  images: ["a"],
};

/** Fewer than people may send: every call is sent with each of them at each place. */
const HOSTILE: unknown[] = [
  ...["", "\u0000", "a\ud800", "x".repeat(70_000), "../../etc/passwd", "' OR 1=1 --", "Infinity", "1e40"],
  ...[-1, 0, 1.5, 2 ** 31, 2 ** 63, true, null, [], [null], {}, { toString: 1, valueOf: 1 }],
];

/** Who holds which job. */
interface Scene {
  seat: RegisterAnswer["workers"][number];
  lease: { job_id: string; fence: number };
  command: string;
}

let factory: Factory;
let ana: Person;

beforeAll(async () => {
  factory = await startFactory({ FABRICA_RUNNER_TOKEN: REGISTRATION });
  ana = await addPerson(factory.db, "ana", "north", "admin");
});
afterAll(async () => {
  await listener().close();
  await sharedDb().$disconnect();
  await factory.close();
});

async function send(method: string, path: string, call: Call): Promise<{ status: number; text: string }> {
  const headers = { [PROTOCOL_HEADER]: String(PROTOCOL_VERSION), ...call.headers };
  const response = await answerWorkerRequest(makeRequest(method, `/api/worker${path}`, { ...call, headers }));
  expect(response.headers.get("cache-control")).toBe("no-store");
  return { status: response.status, text: await response.text() };
}

async function scene(agent: "factory" | "external"): Promise<Scene> {
  await factory.db.job.deleteMany();
  await factory.db.runner.deleteMany();
  const body = { title: "A job", agent };
  const filed = await handleRest(makeRequest("POST", "/api/v1/jobs", { token: ana.token, body }), factory.db);
  const { job_id } = (await read(filed)).json;
  const told = await send("POST", "/register", { token: REGISTRATION, body: { ...ABOUT, agent } });
  const [seat] = (JSON.parse(told.text) as RegisterAnswer).workers as [Scene["seat"]];
  const claimed = await send("POST", `/${seat.worker_id}/claim`, { token: seat.token, body: { wait_ms: 0 } });
  const { fence } = JSON.parse(claimed.text) as ClaimAnswer;
  const job = await factory.db.job.findUniqueOrThrow({ where: { publicId: job_id } });
  const spec = { kind: "exec" as const, argv: ["true"], cwd: ".", env: {}, stdin: null, live: true };
  const commands = [{ key: "one", spec: { ...spec, timeout_ms: 1_000, max_output_bytes: 1_000 } }];
  await factory.db.$transaction((tx) => enqueueCommands(tx, { job, commands }));
  const lease = { job_id, fence };
  const body2 = { ...lease, wait_ms: 0 };
  const taken = await send("POST", `/${seat.worker_id}/commands`, { token: seat.token, body: body2 });
  return { seat, lease, command: JSON.parse(taken.text).commands[0].command_id };
}

/** The same input with the hostile value at each place in turn, down to what lies in lists. */
function* broken(input: unknown, value: unknown): Generator<unknown> {
  yield value;
  if (Array.isArray(input)) {
    for (const [at, item] of input.entries())
      for (const other of broken(item, value)) yield input.with(at, other);
  } else if (typeof input === "object" && input !== null) {
    for (const [name, item] of Object.entries(input))
      for (const other of broken(item, value)) yield { ...input, [name]: other };
  }
}

function expectPlain({ status, text }: { status: number; text: string }, about: string): void {
  expect(status, `${about}: ${text.slice(0, 200)}`).toBeLessThan(500);
  expect(text, about).not.toMatch(/\bat .*\.(ts|js):\d+|node_modules|prisma|invocation/i);
  if (status >= 400) expect(JSON.parse(text).error.message, about).toMatch(/^\S.* .*\S$/s);
}

/** What each call takes; those that end a lease come last. */
const CALLS: [
  path: string,
  agent: "factory" | "external",
  input: (scene: Scene) => Record<string, unknown>,
][] = [
  ["heartbeat", "factory", ({ lease }) => ({ lease, iteration: 1, trouble: "none" })],
  ["claim", "factory", () => ({ wait_ms: 0 })],
  ["commands", "factory", ({ lease }) => ({ ...lease, wait_ms: 0, known: ["x"] })],
  [
    "report",
    "factory",
    ({ lease, command }) => ({
      ...lease,
      items: [
        {
          command_id: command,
          chunks: [{ seq: 0, stream: "stdout", text: "x" }],
          result: { ...emptyResult(), exit_code: 0 },
        },
      ],
    }),
  ],
  ["brief", "external", ({ lease }) => ({ ...lease, wait_ms: 0 })],
  [
    "external",
    "external",
    ({ lease }) => ({
      ...lease,
      first: 0,
      events: [
        { type: "started", agent: "a" },
        { type: "iteration", n: 1 },
        { type: "lock", files: ["a"] },
        { type: "usage", tokens: 1, cost: 1 },
        { type: "learning", kind: "gotcha", text: "a: b" },
        { type: "unknown", name: "x", data: "{}" },
      ],
    }),
  ],
  ["lock", "external", ({ lease }) => ({ ...lease, files: ["a"] })],
  ["complete", "external", ({ lease }) => ({ ...lease, summary: "done" })],
  ["stuck", "external", ({ lease }) => ({ ...lease, reason: "because" })],
  ["fail", "factory", ({ lease }) => ({ ...lease, code: "x", message: "because" })],
  ["fail", "external", ({ lease }) => ({ ...lease, code: "x", message: "because", final: true })],
];

/** Those that end a lease when they are good enough. */
const LAST = ["complete", "stuck", "fail"];

test.each(CALLS)("%s (%s)", async (path, agent, input) => {
  let held = await scene(agent);
  for (const value of HOSTILE)
    for (const body of broken(input(held), value)) {
      const { seat } = held;
      const raw = JSON.stringify(body) ?? "";
      const answer = await send("POST", `/${seat.worker_id}/${path}`, { token: seat.token, raw });
      expectPlain(answer, raw.slice(0, 1_000));
      if (answer.status === 204 && LAST.includes(path)) held = await scene(agent);
    }
});

test("register", async () => {
  for (const value of HOSTILE)
    for (const body of broken({ ...ABOUT, runner_id: "x", runner_secret: "y" }, value)) {
      const raw = JSON.stringify(body) ?? "";
      expectPlain(await send("POST", "/register", { token: REGISTRATION, raw }), raw);
    }
});

describe("the address of a bundle", () => {
  test.each(["factory", "external"] as const)("may hold anything (%s)", async (agent) => {
    const { seat, lease, command } = await scene(agent);
    // Without a command it is an external agent's work.
    const good = { job_id: lease.job_id, fence: String(lease.fence), message: "m" };
    const fields = agent === "factory" ? { ...good, command_id: command } : good;
    for (const value of HOSTILE.map((one) => (typeof one === "string" ? one : JSON.stringify(one))))
      for (const name of Object.keys(fields)) {
        const query = new URLSearchParams({ ...fields, [name]: value.toWellFormed().slice(0, 10_000) });
        const path = `/${seat.worker_id}/bundle?${query}`;
        const about = path.slice(0, 300);
        expectPlain(await send("GET", path, { token: seat.token }), about);
        expectPlain(await send("POST", path, { token: seat.token, raw: "# v2 git bundle\n" }), about);
      }
  });
});
