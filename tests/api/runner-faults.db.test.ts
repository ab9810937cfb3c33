// The runner's list of bad input: what a worker may not do is refused with its code and changes nothing; what it may
// do twice has one effect. Every call goes through the protocol's own address.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type ClaimAnswer, PROTOCOL_HEADER, PROTOCOL_VERSION, type RegisterAnswer } from "@/runner/protocol";
import { emptyResult } from "@/runner/run-command";
import { handleRest } from "@/server/api/http/rest";
import { answerWorkerRequest } from "@/server/api/worker/handle-worker-call";
import { db as sharedDb } from "@/server/db";
import { ERROR_STATUS, type ErrorCode } from "@/server/domain/errors";
import { listener } from "@/server/events/listen";
import { enqueueCommands } from "@/server/services/commands/enqueue-command";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import {
  type Answer,
  addPerson,
  type Factory,
  makeRequest,
  type Person,
  read,
  startFactory,
} from "./support";

const REGISTRATION = "registration-token-of-this-test";
const LEASE_SECONDS = 60;
const HOUR_MS = 3_600_000;
type Seat = RegisterAnswer["workers"][number];

let factory: Factory;
let ana: Person;

beforeAll(async () => {
  factory = await startFactory({ FABRICA_RUNNER_TOKEN: REGISTRATION, LEASE_SECONDS: String(LEASE_SECONDS) });
  ana = await addPerson(factory.db, "ana", "north", "admin");
});
beforeEach(async () => {
  await factory.db.job.deleteMany();
  await factory.db.outbox.deleteMany();
  await factory.db.runner.deleteMany();
});
afterAll(async () => {
  await listener().close();
  await sharedDb().$disconnect();
  await factory.close();
});

interface Send {
  body?: unknown;
  raw?: string;
  token?: string;
  headers?: Record<string, string>;
}

async function send(method: string, path: string, { headers, ...call }: Send = {}): Promise<Answer> {
  const spoken = { [PROTOCOL_HEADER]: String(PROTOCOL_VERSION), ...headers };
  const request = makeRequest(method, `/api/worker${path}`, { ...call, headers: spoken });
  const response = await answerWorkerRequest(request);
  if (!/json/.test(response.headers.get("content-type") ?? "")) {
    await response.body?.cancel();
    return { status: response.status, headers: response.headers, json: null };
  }
  return read(response);
}

const ABOUT = {
  protocol: PROTOCOL_VERSION,
  name: "r",
  slots: 2,
  driver: "bubblewrap",
  probe: [{ name: "memory", result: "pass", detail: "limited" }],
  programs: {},
};
const registering = (changes: Record<string, unknown> = {}, token = REGISTRATION) =>
  send("POST", "/register", { token, body: { ...ABOUT, ...changes } });
async function register(changes: Record<string, unknown> = {}): Promise<RegisterAnswer> {
  const answer = await registering(changes);
  expect(answer.status).toBe(200);
  return answer.json;
}

const call = (seat: Seat, verb: string, body: unknown = {}, more: Send = {}) =>
  send("POST", `/${seat.worker_id}/${verb}`, { token: seat.token, body, ...more });
const claiming = (seat: Seat) => call(seat, "claim", { wait_ms: 0 });

async function fileJob(): Promise<string> {
  const request = makeRequest("POST", "/api/v1/jobs", { token: ana.token, body: { title: "A job" } });
  return (await read(await handleRest(request, factory.db))).json.job_id;
}

interface Scene {
  runner: RegisterAnswer;
  seat: Seat;
  other: Seat;
  claim: ClaimAnswer;
  lease: { job_id: string; fence: number };
  command: string;
}

/** A worker that holds a job and has begun a command, and another worker. */
async function scene(): Promise<Scene> {
  const runner = await register();
  const [seat, other] = runner.workers as [Seat, Seat];
  await fileJob();
  const claim: ClaimAnswer = (await claiming(seat)).json;
  const job = await factory.db.job.findUniqueOrThrow({ where: { publicId: claim.job_id } });
  const spec = { kind: "exec" as const, argv: ["true"], cwd: ".", env: {}, stdin: null };
  const limits = { timeout_ms: 1000, max_output_bytes: 1000, live: true };
  await factory.db.$transaction((tx) =>
    enqueueCommands(tx, { job, commands: [{ key: "one", spec: { ...spec, ...limits } }] }),
  );
  const lease = { job_id: claim.job_id, fence: claim.fence };
  const taken = await call(seat, "commands", { ...lease, wait_ms: 0 });
  return { runner, seat, other, claim, lease, command: taken.json.commands[0].command_id };
}

const result = { ...emptyResult(), exit_code: 0, stdout: "done" };

/** Every call that names a lease. */
const LEASED: [name: string, ask: (seat: Seat, lease: Scene["lease"], command: string) => Promise<Answer>][] =
  [
    ["a heartbeat", (seat, lease) => call(seat, "heartbeat", { lease })],
    ["a question for commands", (seat, lease) => call(seat, "commands", { ...lease, wait_ms: 0 })],
    [
      "output",
      (seat, lease, command_id) =>
        call(seat, "report", {
          ...lease,
          items: [{ command_id, chunks: [{ seq: 0, stream: "stdout", text: "x" }], result: null }],
        }),
    ],
    [
      "a result",
      (seat, lease, command_id) =>
        call(seat, "report", { ...lease, items: [{ command_id, chunks: [], result }] }),
    ],
    [
      "a download",
      (seat, lease) =>
        send("GET", `/${seat.worker_id}/bundle?job_id=${lease.job_id}&fence=${lease.fence}`, {
          token: seat.token,
        }),
    ],
    [
      "an upload",
      (seat, lease, command) =>
        send(
          "POST",
          `/${seat.worker_id}/bundle?job_id=${lease.job_id}&fence=${lease.fence}&command_id=${command}`,
          {
            token: seat.token,
            raw: "# v2 git bundle\n",
            headers: { "content-type": "application/octet-stream" },
          },
        ),
    ],
    ["giving it back", (seat, lease) => call(seat, "fail", { ...lease, code: "sandbox", message: "none" })],
  ];

/** Everything that a refused call must not have changed. A heartbeat of a live worker is always noted. */
async function fingerprint(): Promise<string> {
  const { db } = factory;
  const parts = await Promise.all([
    db.job.findMany({ orderBy: { id: "asc" } }),
    db.jobEvent.count(),
    db.command.findMany({ orderBy: { id: "asc" } }),
    db.worker.findMany({ orderBy: { id: "asc" }, omit: { heartbeatAt: true } }),
    db.runner.findMany({ orderBy: { id: "asc" } }),
    db.outbox.count(),
  ]);
  return JSON.stringify(parts, (_key, value) => (typeof value === "bigint" ? String(value) : value));
}

async function expectRefused(code: ErrorCode, ask: () => Promise<Answer>): Promise<void> {
  const before = await fingerprint();
  const { status, json } = await ask();
  expect({ status, code: json?.error?.code }).toEqual({ status: ERROR_STATUS[code], code });
  expect(json.error.message).toMatch(/^[\w"].* .*[^\s]$/s);
  expect(JSON.stringify(json)).not.toMatch(/\.ts:\d+|node_modules|prisma/i);
  expect(await fingerprint()).toBe(before);
}

const expire = (job: string) =>
  factory.db.$executeRaw`UPDATE job SET lease_until = now() - interval '1 second' WHERE public_id = ${job}`;

describe.each(LEASED)("%s", (_, ask) => {
  test("with an older fence: 409", async () => {
    const { seat, lease, command } = await scene();
    await expectRefused("stale_fence", () => ask(seat, { ...lease, fence: lease.fence + 1 }, command));
    await expire(lease.job_id);
    await sweepLeases(factory.db, 120);
    const again = (await claiming(seat)).json;
    expect(again.job_id).toBe(lease.job_id);
    await expectRefused("stale_fence", () => ask(seat, lease, command));
  });

  test("for another worker's job, with its fence: 404", async () => {
    const { other, lease, command } = await scene();
    await expectRefused("not_found", () => ask(other, lease, command));
  });

  test("for a job that is not there: 404", async () => {
    const { seat, lease, command } = await scene();
    await expectRefused("not_found", () =>
      ask(seat, { ...lease, job_id: "JOB-20260101000000-0000" }, command),
    );
  });

  test("after the lease was lost, and after another worker took the job: 410", async () => {
    const { seat, other, lease, command } = await scene();
    await expire(lease.job_id);
    await sweepLeases(factory.db, 120);
    await expectRefused("lease_over", () => ask(seat, lease, command));
    expect((await claiming(other)).json).toMatchObject({ job_id: lease.job_id });
    await expectRefused("lease_over", () => ask(seat, lease, command));
  });

  test("with the token of another worker, of nobody, or none: 401", async () => {
    const { seat, other, lease, command } = await scene();
    for (const token of [other.token, "fabw_nobody", "", "%E0%A4"])
      await expectRefused("unauthorized", () => ask({ ...seat, token }, lease, command));
    await expectRefused("unauthorized", () => ask({ ...seat, worker_id: "worker-NOBODY" }, lease, command));
  });

  test("after the worker left: 401", async () => {
    const { seat, lease, command } = await scene();
    expect((await call(seat, "deregister")).status).toBe(204);
    await expectRefused("unauthorized", () => ask(seat, lease, command));
  });
});

describe("a lease", () => {
  test("that has run out but that nobody has taken yet is over for its heartbeat: 410", async () => {
    const { seat, lease } = await scene();
    await expire(lease.job_id);
    await expectRefused("lease_over", () => call(seat, "heartbeat", { lease }));
  });

  test("goes to one of two workers that ask at once", async () => {
    const { workers } = await register({ slots: 8 });
    await fileJob();
    const answers = await Promise.all(workers.map(claiming));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(204)]);
  });

  test("that was cancelled by a person is told so at the next heartbeat", async () => {
    const { seat, lease } = await scene();
    await read(
      await handleRest(
        makeRequest("DELETE", `/api/v1/jobs/${lease.job_id}`, { token: ana.token }),
        factory.db,
      ),
    );
    expect((await call(seat, "heartbeat", { lease })).json).toEqual({ action: "cancel" });
  });

  test("is asked for again because the answer was lost: the job comes back under a higher fence", async () => {
    const { seat, lease } = await scene();
    const again = (await claiming(seat)).json;
    expect(again.job_id).toBe(lease.job_id);
    expect(again.fence).toBeGreaterThan(lease.fence);
    await expectRefused("stale_fence", () => call(seat, "heartbeat", { lease }));
  });

  test.each([
    ["an hour late", -HOUR_MS],
    ["an hour early", HOUR_MS],
  ])("lives by the database's clock when the app's is %s", async (_, shift) => {
    const { seat, lease } = await scene();
    const left = async () => {
      const rows = await factory.db.$queryRaw<{ left: number }[]>`
        SELECT extract(epoch FROM lease_until - now())::float8 AS left FROM job WHERE public_id = ${lease.job_id}`;
      return rows[0]?.left ?? 0;
    };
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      vi.setSystemTime(Date.now() + shift);
      expect(await sweepLeases(factory.db, 120)).toBe(0);
      expect((await call(seat, "heartbeat", { lease })).status).toBe(200);
      expect(await left()).toBeGreaterThan(LEASE_SECONDS - 10);
      expect(await left()).toBeLessThanOrEqual(LEASE_SECONDS);
      expect((await call(seat, "fail", { ...lease, code: "x", message: "y" })).status).toBe(204);
      await factory.db.$executeRaw`UPDATE job SET lease_until = NULL, claimable = true`;
      expect((await claiming(seat)).json).toMatchObject({ job_id: lease.job_id });
      expect(await left()).toBeGreaterThan(LEASE_SECONDS - 10);
      expect(await left()).toBeLessThanOrEqual(LEASE_SECONDS);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a report", () => {
  const chunk = (seq: number) => ({ seq, stream: "stdout" as const, text: `${seq}` });
  const output = ({ seat, lease, command }: Scene, ...seqs: number[]) =>
    call(seat, "report", {
      ...lease,
      items: [{ command_id: command, chunks: seqs.map(chunk), result: null }],
    });
  const texts = async () => {
    const rows = await factory.db.jobEvent.findMany({
      where: { type: "command.output" },
      orderBy: { seq: "asc" },
    });
    return rows.map(({ data }) => (data as { text: string }).text).join(" ");
  };

  test("tells output by its numbers, in whatever order and however often it comes", async () => {
    const at = await scene();
    expect((await output(at, 1, 0)).status).toBe(204);
    expect((await output(at, 0, 1)).status).toBe(204);
    expect((await output(at, 3, 1, 2)).status).toBe(204);
    await expectRefused("conflict", () => output(at, 5));
    await expectRefused("conflict", () => output(at, 4, 6));
    expect((await output(at, 4)).status).toBe(204);
    expect(await texts()).toBe("0 1 2 3 4");
  });

  test("of the same numbers at the same time is told once", async () => {
    const at = await scene();
    const answers = await Promise.all(Array.from({ length: 6 }, () => output(at, 0, 1, 2)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(204));
    expect(await texts()).toBe("0 1 2");
  });

  test("of a result that is told again has the same answer and no effect", async () => {
    const at = await scene();
    const finish = (stdout: string) =>
      call(at.seat, "report", {
        ...at.lease,
        items: [{ command_id: at.command, chunks: [], result: { ...result, stdout } }],
      });
    expect((await finish("first")).status).toBe(204);
    const before = await fingerprint();
    for (const again of await Promise.all([finish("first"), finish("second"), output(at, 0)]))
      expect(again.status).toBe(204);
    expect(await fingerprint()).toBe(before);
    const row = await factory.db.command.findUniqueOrThrow({ where: { id: at.command } });
    expect(row.result).toMatchObject({ stdout: "first" });
  });

  test("with every byte that a program can write is stored", async () => {
    const at = await scene();
    const text = `\u0000 \ud800 \u001b[2J\r\n \ufffe ${"\u{1f600}".slice(0, 1)}`;
    const chunks = [{ seq: 0, stream: "stdout" as const, text }];
    const items = [{ command_id: at.command, chunks, result: { ...result, stdout: text, stderr: text } }];
    expect((await call(at.seat, "report", { ...at.lease, items })).status).toBe(204);
    const row = await factory.db.command.findUniqueOrThrow({ where: { id: at.command } });
    expect(row.state).toBe("finished");
  });

  test("of a command of another job, or of none: 404, and nothing of the rest is stored", async () => {
    const at = await scene();
    const item = (command_id: string) => ({ command_id, chunks: [], result });
    for (const strange of ["nobody", "' OR true --"])
      await expectRefused("not_found", () =>
        call(at.seat, "report", { ...at.lease, items: [item(at.command), item(strange)] }),
      );
    await expectRefused("bad_request", () =>
      call(at.seat, "report", { ...at.lease, items: [item(at.command), item(at.command)] }),
    );
  });
});

const lease = { job_id: "JOB-1", fence: 1 };
/** Sent by a worker that holds a job, with its good token. */
const MALFORMED: [name: string, code: ErrorCode, verb: string, send: Send][] = [
  ["no body", "bad_request", "heartbeat", { raw: "" }],
  ["half a body", "bad_request", "heartbeat", { raw: '{"lease":' }],
  ["a list", "bad_request", "claim", { raw: "[]" }],
  ["null", "bad_request", "claim", { raw: "null" }],
  ["a wait of 1e9", "bad_request", "claim", { body: { wait_ms: 1e9 } }],
  ["a wait of -1", "bad_request", "claim", { body: { wait_ms: -1 } }],
  ["a wait in words", "bad_request", "claim", { body: { wait_ms: "1" } }],
  ["fence 0", "bad_request", "heartbeat", { body: { lease: { ...lease, fence: 0 } } }],
  ["half a fence", "bad_request", "heartbeat", { body: { lease: { ...lease, fence: 1.5 } } }],
  ["a fence beyond 32 bits", "bad_request", "heartbeat", { body: { lease: { ...lease, fence: 2 ** 40 } } }],
  ["a fence as text", "bad_request", "heartbeat", { body: { lease: { ...lease, fence: "1" } } }],
  ["a lease without a job", "bad_request", "heartbeat", { body: { lease: { fence: 1 } } }],
  [
    "an id of 65 characters",
    "bad_request",
    "heartbeat",
    { body: { lease: { job_id: "J".repeat(65), fence: 1 } } },
  ],
  ["a NUL in an id", "bad_request", "heartbeat", { body: { lease: { job_id: "J\u0000", fence: 1 } } }],
  ["a report of nothing", "bad_request", "report", { body: { ...lease, items: [] } }],
  ["33 MB", "too_large", "report", { raw: " ".repeat(33 * 1024 * 1024) }],
  ["a call that there is not", "not_found", "explode", { body: {} }],
  [
    "a version of tomorrow",
    "upgrade_required",
    "heartbeat",
    { body: {}, headers: { [PROTOCOL_HEADER]: "99" } },
  ],
  ["no version", "upgrade_required", "heartbeat", { body: {}, headers: { [PROTOCOL_HEADER]: "" } }],
];

test.each(MALFORMED)("%s: %s, and nothing changes", async (_, code, verb, given) => {
  const { seat } = await scene();
  await expectRefused(code, () =>
    send("POST", `/${seat.worker_id}/${verb}`, { token: seat.token, ...given }),
  );
});

test("another method: 404", async () => {
  const { seat } = await scene();
  for (const method of ["GET", "PUT", "DELETE", "PATCH"])
    await expectRefused("not_found", () => send(method, `/${seat.worker_id}/claim`, { token: seat.token }));
});

describe("registering", () => {
  const REFUSED: [name: string, code: ErrorCode, changes: Record<string, unknown>, token?: string][] = [
    ["a wrong token", "unauthorized", {}, "wrong"],
    ["no token", "unauthorized", {}, ""],
    ["another version", "upgrade_required", { protocol: PROTOCOL_VERSION + 1 }],
    ["no probe", "unprocessable", { probe: [] }],
    ["a failed probe", "unprocessable", { probe: [{ name: "memory", result: "fail", detail: "no limit" }] }],
    ["no slot", "bad_request", { slots: 0 }],
    ["65 slots", "bad_request", { slots: 65 }],
    ["an unknown driver", "bad_request", { driver: "chroot" }],
    ["no name", "bad_request", { name: "" }],
    ["a NUL in the name", "bad_request", { name: "a\u0000b" }],
    ["a NUL in a program", "bad_request", { programs: { python: "3\u0000" } }],
  ];
  test.each(REFUSED)("with %s: %s", async (_, code, changes, token) => {
    await expectRefused(code, () => registering(changes, token));
  });

  test("again with its stored id frees its leases at once, keeps its workers, and ends the old tokens", async () => {
    const { runner, seat, other, lease } = await scene();
    await factory.db.worker.update({ where: { id: seat.worker_id }, data: { jobsCompleted: 7 } });
    const { runner_id, runner_secret } = runner;
    const back = await register({ runner_id, runner_secret });
    expect(back.runner_id).toBe(runner_id);
    expect(back.workers.map(({ worker_id }) => worker_id)).toEqual([seat.worker_id, other.worker_id]);
    const job = await factory.db.job.findUniqueOrThrow({ where: { publicId: lease.job_id } });
    expect(job).toMatchObject({ leaseWorkerId: null, claimable: true, state: "running" });
    const worker = await factory.db.worker.findUniqueOrThrow({ where: { id: seat.worker_id } });
    expect(worker).toMatchObject({ status: "idle", currentJobId: null, order: "none", jobsCompleted: 7 });
    await expectRefused("unauthorized", () => call(seat, "heartbeat", { lease: null }));
    const [fresh] = back.workers as [Seat];
    expect((await claiming(fresh)).json).toMatchObject({ job_id: lease.job_id });
  });

  test("under another runner's id with a wrong secret frees nothing of it", async () => {
    const { runner, seat, lease } = await scene();
    const stranger = await register({ runner_id: runner.runner_id, runner_secret: "guessed" });
    expect(stranger.runner_id).not.toBe(runner.runner_id);
    expect((await call(seat, "heartbeat", { lease })).json).toEqual({ action: "none" });
  });

  test("with fewer slots ends the tokens of those that are left out, and frees what they held", async () => {
    const { runner, other, seat } = await scene();
    await fileJob();
    expect((await claiming(other)).status).toBe(200);
    const { runner_id, runner_secret } = runner;
    const back = await register({ runner_id, runner_secret, slots: 1 });
    expect(back.workers).toHaveLength(1);
    for (const old of [seat, other])
      await expectRefused("unauthorized", () => call(old, "heartbeat", { lease: null }));
    const left = await factory.db.worker.findUniqueOrThrow({ where: { id: other.worker_id } });
    expect(left).toMatchObject({ status: "dead", currentJobId: null });
    expect(await factory.db.job.count({ where: { claimable: true } })).toBe(2);
  });
});

describe("a worker", () => {
  test("that is killed drops its job at its next heartbeat and leaves; the job is at the head at once", async () => {
    const { seat, other, lease } = await scene();
    await fileJob();
    await read(
      await handleRest(
        makeRequest("POST", `/api/v1/workers/${seat.worker_id}/kill`, { token: ana.token, body: {} }),
        factory.db,
      ),
    );
    expect((await claiming(seat)).status).toBe(204);
    expect((await call(seat, "heartbeat", { lease })).json).toEqual({ action: "kill" });
    expect((await call(seat, "deregister")).status).toBe(204);
    expect((await claiming(other)).json).toMatchObject({ job_id: lease.job_id });
  });

  test("that is drained keeps its job and is given no other", async () => {
    const { seat, lease } = await scene();
    await fileJob();
    await read(
      await handleRest(
        makeRequest("POST", `/api/v1/workers/${seat.worker_id}/drain`, { token: ana.token, body: {} }),
        factory.db,
      ),
    );
    expect((await call(seat, "heartbeat", { lease })).json).toEqual({ action: "drain" });
    expect((await call(seat, "fail", { ...lease, code: "x", message: "y" })).status).toBe(204);
    expect((await claiming(seat)).status).toBe(204);
  });

  test("that gives a job back says why, whatever is in its words; the job waits a little and goes on", async () => {
    const { seat, other, lease } = await scene();
    const message = "no \u0000 sandbox: ghp_0123456789abcdefghijklmnop";
    expect((await call(seat, "fail", { ...lease, code: "sandbox", message })).status).toBe(204);
    const job = await factory.db.job.findUniqueOrThrow({ where: { publicId: lease.job_id } });
    expect(job.waitingReason).toMatch(/^no sandbox on worker-\w+: no . sandbox: \[redacted\]$/);
    expect((await claiming(other)).status).toBe(204);
    await expire(lease.job_id);
    await sweepLeases(factory.db, 120);
    expect((await claiming(other)).json).toMatchObject({ job_id: lease.job_id });
  });

  test("that was silent too long is dead, and lives again with its next heartbeat", async () => {
    const { workers } = await register();
    const [seat] = workers as [Seat];
    await factory.db.$executeRaw`UPDATE worker SET heartbeat_at = now() - interval '3 minutes'`;
    await sweepLeases(factory.db, 120);
    const status = async () =>
      (await factory.db.worker.findUniqueOrThrow({ where: { id: seat.worker_id } })).status;
    expect(await status()).toBe("dead");
    expect((await call(seat, "heartbeat", { lease: null })).json).toEqual({ action: "none" });
    expect(await status()).toBe("idle");
  });
});
