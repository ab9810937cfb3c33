// Invariants 3, 5 and 6: a command belongs to the job, has one recorded result, and what is told to the engine is
// written with the row that it tells of.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CommandResult, type CommandSpec, commandsAnswer, type OutputChunk } from "@/runner/protocol";
import { emptyResult } from "@/runner/run-command";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { NotYet } from "@/server/domain/step-outcome";
import { awaitCommands } from "@/server/services/commands/await-commands";
import { commandId, enqueueCommands } from "@/server/services/commands/enqueue-command";
import { type CommandReport, reportCommands } from "@/server/services/commands/report-commands";
import { takeCommands } from "@/server/services/commands/take-commands";
import { cancelJob } from "@/server/services/jobs/cancel-job";
import { moveJob } from "@/server/services/jobs/move-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { resendStarts } from "@/server/services/outbox/resend-starts";
import { type ClaimedJob, claimJob } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { patiently } from "../support/patient";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  expireLease,
  fileJob,
  refusalOf,
  reload,
  startCore,
} from "../support/settings";

let core: Core;
let db: Db;
let ctx: Ctx;
let workers: string[];
let job: ClaimedJob;

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.deleteMany();
  await db.outbox.deleteMany();
  workers = await addWorkers(db, 2);
  await fileJob(ctx);
  job = await claim(0);
});

const claim = async (index: number) => {
  const taken = await claimJob(db, workers[index] as string, 60);
  if (!taken) throw new Error("nothing to claim");
  return taken;
};
const lease = (index = 0, held = job) => ({
  worker: workers[index] as string,
  job: held.publicId,
  fence: held.fence,
});
const shell = (script: string): CommandSpec => ({
  kind: "exec",
  argv: ["sh", "-c", script],
  cwd: ".",
  env: {},
  stdin: null,
  timeout_ms: 1000,
  max_output_bytes: 1000,
  live: true,
});
const enqueue = (keys: string[], pinned = false) =>
  db.$transaction((tx) =>
    enqueueCommands(tx, { job, commands: keys.map((key) => ({ key, spec: shell(key) })), pinned }),
  );
const idOf = (key: string, run = 1) => commandId(job.publicId, run, key);
const rowOf = (key: string) => db.command.findUniqueOrThrow({ where: { id: idOf(key) } });
const done = (stdout: string) => ({ ...emptyResult(), exit_code: 0, stdout });
const outputs = async () =>
  (await eventsOf(db, job)).filter((e) => e.type === "command.output").map((e) => e.data.text);
const chunk = (seq: number, text = `${seq}`) => ({ seq, stream: "stdout" as const, text });
/** A report on one command. */
const appendOutput = (
  on: Db,
  { command, chunks, ...held }: Omit<CommandReport, "items"> & { command: string; chunks: OutputChunk[] },
) => reportCommands(on, { ...held, items: [{ command_id: command, chunks, result: null }] });
const finishCommand = (
  on: Db,
  { command, result, ...held }: Omit<CommandReport, "items"> & { command: string; result: CommandResult },
) => reportCommands(on, { ...held, items: [{ command_id: command, chunks: [], result }] });
const send = (key: string, ...seqs: (number | ReturnType<typeof chunk>)[]) =>
  appendOutput(db, {
    ...lease(),
    command: idOf(key),
    chunks: seqs.map((one) => (typeof one === "number" ? chunk(one) : one)),
  });
const lose = async () => {
  await expireLease(db, job);
  await sweepLeases(db, 120);
};

describe("a command", () => {
  test("is one row by its key, however often and however parallel it is asked for", async () => {
    await Promise.all(Array.from({ length: 10 }, () => enqueue(["a", "b"])));
    const rows = await db.command.findMany({ where: { jobId: job.id }, orderBy: { position: "asc" } });
    expect(rows.map((row) => row.key).sort()).toEqual(["a", "b"]);
    expect(new Set(rows.map((row) => row.id)).size).toBe(2);
  });

  test("is another one in another run and of another job", () => {
    const ids = [idOf("a"), idOf("a", 2), commandId("JOB-20260101000000-0000", 1, "a"), idOf("b")];
    expect(new Set(ids).size).toBe(4);
  });

  test("is handed out in order, and again until its result is there", async () => {
    await enqueue(["a", "b", "c"]);
    const first = await takeCommands(db, lease());
    expect(first.map((one) => one.command_id)).toEqual(["a", "b", "c"].map((key) => idOf(key)));
    expect(commandsAnswer.safeParse({ commands: first }).success).toBe(true);
    expect(await takeCommands(db, lease())).toEqual(first);
    await finishCommand(db, { ...lease(), command: idOf("a"), result: done("A") });
    expect(await takeCommands(db, lease())).toEqual(first.slice(1));
    const started = (await eventsOf(db, job)).filter((event) => event.type === "command.started");
    expect(started).toHaveLength(3);
  });

  test("has one result: a second one is answered like the first and changes nothing", async () => {
    await enqueue(["a"]);
    await takeCommands(db, lease());
    await finishCommand(db, { ...lease(), command: idOf("a"), result: done("first") });
    const before = await rowOf("a");
    const log = await eventsOf(db, job);
    await Promise.all(
      Array.from({ length: 5 }, () =>
        finishCommand(db, { ...lease(), command: idOf("a"), result: done("second") }),
      ),
    );
    expect(await rowOf("a")).toEqual(before);
    expect(await eventsOf(db, job)).toEqual(log);
  });

  test("takes the first of many results at once", async () => {
    await enqueue(["a"]);
    await takeCommands(db, lease());
    const all = Array.from({ length: 8 }, (_, i) =>
      finishCommand(db, { ...lease(), command: idOf("a"), result: done(`${i}`) }),
    );
    await Promise.all(all);
    const finished = (await eventsOf(db, job)).filter((event) => event.type === "command.finished");
    expect(finished).toHaveLength(1);
  });

  test("of another job, or that was never handed out, takes no result", async () => {
    await enqueue(["a"]);
    const finish = (command: string) =>
      refusalOf(finishCommand(db, { ...lease(), command, result: done("") }));
    expect(await finish(idOf("a"))).toBe("not_found");
    expect(await finish("nothing")).toBe("not_found");
    expect((await rowOf("a")).state).toBe("queued");
  });

  test("whose result cannot be stored as it came is stored without what is in the way", async () => {
    await enqueue(["a"]);
    await takeCommands(db, lease());
    const result = {
      ...done("a\u0000b\ud800"),
      failure: "half \u0000 of it",
      stderr: `sk-ant-${"x".repeat(20)}`,
    };
    await finishCommand(db, { ...lease(), command: idOf("a"), result });
    expect((await rowOf("a")).result).toMatchObject({
      stdout: "a␀b\ufffd",
      failure: "half ␀ of it",
      stderr: "[redacted]",
    });
  });

  test("of an earlier run is not handed out in the next one", async () => {
    await enqueue(["old"]);
    await cancelJob({ ctx, input: { id: job.publicId } });
    await retryJob({ ctx, input: { id: job.publicId } });
    job = await claim(1);
    await enqueue(["new"]);
    const taken = await takeCommands(db, lease(1));
    expect(taken.map((one) => one.command_id)).toEqual([idOf("new", 2)]);
  });
});

describe("output", () => {
  beforeEach(async () => {
    await enqueue(["a"]);
    await takeCommands(db, lease());
  });

  test("is logged once and in order, whatever is sent again", async () => {
    await send("a", 0, 1);
    await send("a", 0, 1, 2);
    await send("a", 2);
    await send("a", 4, 3);
    expect(await outputs()).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("that holds a number twice in one message is logged once", async () => {
    await send("a", 0, 1, 1, 0, 2);
    expect(await outputs()).toEqual(["0", "1", "2"]);
  });

  test("with a gap is refused as a whole, and taken when the gap is filled", async () => {
    expect(await refusalOf(send("a", 1))).toBe("conflict");
    expect(await refusalOf(send("a", 0, 2))).toBe("conflict");
    expect(await outputs()).toEqual([]);
    await send("a", 0, 1, 2);
    expect(await outputs()).toEqual(["0", "1", "2"]);
  });

  test("of one message sent many times at once is logged once", async () => {
    await Promise.all(Array.from({ length: 6 }, () => send("a", 0, 1, 2)));
    expect(await outputs()).toEqual(["0", "1", "2"]);
  });

  test("loses credentials, NUL and halves of characters before it is logged", async () => {
    await send("a", chunk(0, `key ghp_${"a".repeat(36)}`), chunk(1, "\na\u0000\udc00"));
    expect((await outputs()).join("")).toEqual("key [redacted]\na␀\ufffd");
  });

  test("after the result is dropped", async () => {
    await finishCommand(db, { ...lease(), command: idOf("a"), result: done("") });
    await send("a", 0);
    expect(await outputs()).toEqual([]);
  });
});

describe("when a worker is lost", () => {
  test("its successor runs what was not finished, and what was finished stays", async () => {
    await enqueue(["done", "open"]);
    await takeCommands(db, lease());
    await finishCommand(db, { ...lease(), command: idOf("done"), result: done("kept") });
    await send("open", 0, 1);
    await lose();
    const late = { ...lease(), command: idOf("open") };
    expect(await refusalOf(finishCommand(db, { ...late, result: done("late") }))).toBe("lease_over");
    job = await claim(1);
    expect(await refusalOf(finishCommand(db, { ...late, result: done("late") }))).toBe("lease_over");
    const again = await takeCommands(db, lease(1));
    expect(again.map((one) => one.command_id)).toEqual([idOf("open")]);
    await appendOutput(db, { ...lease(1), command: idOf("open"), chunks: [chunk(0)] });
    await finishCommand(db, { ...lease(1), command: idOf("open"), result: done("second") });
    expect((await rowOf("done")).result).toMatchObject({ stdout: "kept" });
    expect((await rowOf("open")).result).toMatchObject({ stdout: "second" });
  });

  test("what was bound to its sandbox is lost, and who waits for it is told", async () => {
    await enqueue(["pinned", "waiting"], true);
    await enqueue(["free"]);
    await takeCommands(db, lease());
    await db.command.update({ where: { id: idOf("pinned") }, data: { awaited: true } });
    await lose();
    expect((await rowOf("pinned")).state).toBe("running");
    job = await claim(1);
    const states = [await rowOf("pinned"), await rowOf("waiting"), await rowOf("free")].map(
      (row) => row.state,
    );
    expect(states).toEqual(["lost", "lost", "queued"]);
    const told = await db.outbox.findMany({ where: { name: "command/finished" } });
    expect(told.map((row) => row.data)).toEqual([{ job: job.publicId, command: idOf("pinned") }]);
    expect((await takeCommands(db, lease(1))).map((one) => one.command_id)).toEqual([idOf("free")]);
  });
});

describe("what a worker says", () => {
  test("shows no credential that lies across two pieces of output, and all that is none", async () => {
    await enqueue(["a"]);
    await takeCommands(db, lease());
    const token = `ghp_${"x".repeat(36)}`;
    await send("a", chunk(0, `before ${token.slice(0, 10)}`));
    await send("a", chunk(1, `${token.slice(10)} after gh`));
    await finishCommand(db, { ...lease(), command: idOf("a"), result: done(`before ${token} after gh`) });
    expect((await outputs()).join("")).toBe("before [redacted] after gh");
    expect(JSON.stringify((await rowOf("a")).result)).not.toContain(token.slice(4, 20));
  });

  test("of a snapshot counts only as far as the app has made a commit of its bundle", async () => {
    const spec: CommandSpec = { kind: "snapshot", message: "plan", timeout_ms: 1000 };
    await enqueueCommands(db, { job, commands: ["told", "made"].map((key) => ({ key, spec })) });
    await takeCommands(db, lease());
    const result = { ...done(""), snapshot: { commit: "f".repeat(40), tree: "e".repeat(40) } };
    await finishCommand(db, { ...lease(), command: idOf("told"), result });
    expect((await reload(db, job)).headCommit).toBeNull();
    await db.command.update({ where: { id: idOf("made") }, data: { madeCommit: "a".repeat(40) } });
    await finishCommand(db, { ...lease(), command: idOf("made"), result });
    expect((await reload(db, job)).headCommit).toBe("a".repeat(40));
  });
});

describe("waiting for commands", () => {
  test("wakes as soon as the last one has its result", async () => {
    await enqueue(["a", "b"]);
    await takeCommands(db, lease());
    const waiting = patiently(() => awaitCommands(db, [idOf("a"), idOf("b")]));
    for (const key of ["b", "a"])
      await finishCommand(db, { ...lease(), command: idOf(key), result: done(key) });
    expect((await waiting).map((row) => row.key)).toEqual(["a", "b"]);
  });

  test("hands over to an event, which is then sent with the result", async () => {
    await enqueue(["a"]);
    await takeCommands(db, lease());
    const error = await awaitCommands(db, [idOf("a")]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotYet);
    expect((error as NotYet).on).toEqual({ kind: "command", command: idOf("a") });
    expect((await rowOf("a")).awaited).toBe(true);
    await finishCommand(db, { ...lease(), command: idOf("a"), result: done("") });
    const sent = await db.outbox.findMany({ where: { name: "command/finished" } });
    expect(sent.map((row) => row.id)).toEqual([`finished:${idOf("a")}`]);
    expect((await awaitCommands(db, [idOf("a")]))[0]?.state).toBe("finished");
  });
});

describe("the outbox", () => {
  const rows = () => db.outbox.findMany({ orderBy: { createdAt: "asc" } });

  test("holds nothing of a transaction that was rolled back", async () => {
    const before = await rows();
    await db
      .$transaction(async (tx) => {
        await moveJob(tx, { job: job.id, move: "gave_up", actor: "factory" });
        throw new Error("roll back");
      })
      .catch(() => undefined);
    expect(await rows()).toEqual(before);
    expect((await reload(db, job)).state).toBe("running");
  });

  test("holds what goes with a row as soon as the row is there", async () => {
    await db.$transaction((tx) =>
      moveJob(tx, { job: job.id, move: "gave_up", actor: "factory", reason: "a\u0000b" }),
    );
    const stop = (await rows()).find((row) => row.name === "job/stopped");
    expect(stop?.data).toEqual({ job: job.publicId, run: 1, reason: "a␀b" });
    expect(stop?.sentAt).toBeNull();
  });

  test("sends a start again for a job that no engine run has taken, once a minute and not before its time", async () => {
    expect(await resendStarts(db)).toBe(0);
    await db.$executeRaw`UPDATE outbox SET sent_at = now() - interval '10 seconds'`;
    expect(await resendStarts(db)).toBe(0);
    await db.$executeRaw`UPDATE outbox SET sent_at = now() - interval '40 seconds'`;
    await Promise.all([resendStarts(db), resendStarts(db)]);
    const starts = (await rows()).filter((row) => row.name === "job/started");
    expect(starts.length).toBeGreaterThanOrEqual(2);
    expect(starts.length).toBeLessThanOrEqual(3);
    for (const start of starts) expect(start.data).toEqual({ job: job.publicId, run: 1 });
    await db.job.update({ where: { id: job.id }, data: { engineRunId: "taken" } });
    expect(await resendStarts(db)).toBe(0);
  });
});
