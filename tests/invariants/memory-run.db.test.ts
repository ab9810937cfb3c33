// Memory in whole runs, driven by the engine: what one job's fix taught, the next job's agents are told; a run that was
// stopped is looked through as well.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { isSettled } from "@/server/domain/job-state";
import { EVENT_KEY, SIGNING_KEY, until } from "@/tests/conformance/engine/harness";
import { freePort } from "@/tests/support/listen-apart";
import { type EngineProcess, spawnEngine } from "../conformance/engine/child";
import { HandRunner } from "../support/hand-runner";
import { addTeam, addWorkers, type Core, fileJob, reload, startCore } from "../support/settings";
import { toolchainDir } from "../support/toolchain";

const RUN_MS = 400_000;
const scratch = mkdtempSync(join(tmpdir(), "fabrica-memory-run-"));
let core: Core;
let ctx: Ctx;
let engine: EngineProcess;
let server: Server;
let unsubscribe = () => {};
let places: Record<string, string>;

beforeAll(async () => {
  const port = await freePort();
  core = await startCore({
    INNGEST_BASE_URL: `http://127.0.0.1:${port}`,
    INNGEST_SIGNING_KEY: SIGNING_KEY,
    INNGEST_EVENT_KEY: EVENT_KEY,
  });
  // Imported late: the client reads its settings when it is made.
  const [
    { serve },
    { inngest },
    { runJob },
    { runTask },
    { runAgent },
    { learnFromStopped },
    { sendOutbox },
  ] = await Promise.all([
    import("inngest/node"),
    import("@/inngest/client"),
    import("@/inngest/functions/run-job"),
    import("@/inngest/functions/run-task"),
    import("@/inngest/functions/run-agent"),
    import("@/inngest/functions/learn"),
    import("@/inngest/send-outbox"),
  ]);
  const [{ listener }, { OUTBOX_CHANNEL }] = await Promise.all([
    import("@/server/events/listen"),
    import("@/server/services/outbox/add-to-outbox"),
  ]);
  const functions = [runJob, runTask, runAgent, learnFromStopped];
  server = createServer(serve({ client: inngest, functions }) as RequestListener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/inngest`;
  engine = await spawnEngine(core.url, address, port);
  await until("the app to be synced", async () => {
    const { functions: known } = (await (await fetch(`${engine.url}/health`)).json()) as {
      functions: number;
    };
    return known > 0;
  });
  let sending = Promise.resolve(0);
  const send = () => {
    // What could not be sent is sent with the next.
    sending = sending.then(() => sendOutbox(core.db)).catch(() => 0);
  };
  unsubscribe = await listener().subscribe(OUTBOX_CHANNEL, { notify: send, resumed: send });
  ctx = await addTeam(core.db, "north");
  places = { "/opt/toolchain": await toolchainDir(), "/tmp": scratch };
}, RUN_MS);
afterAll(async () => {
  unsubscribe();
  await engine.kill();
  server.closeAllConnections();
  server.close();
  await core.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** A whole job, until it was looked through. */
async function runOne(model: string, more: object = {}) {
  const [worker = ""] = await addWorkers(core.db, 1);
  const filed = await fileJob(ctx, {
    title: "Word counter",
    description: "A small library that counts words.",
    spec: "# Word counter\n\n- [ ] Count the words of a text\n",
    tech_stack: "node",
    models: Object.fromEntries(
      ["planner", "coder", "tester", "fixer", "reviewer"].map((role) => [role, model]),
    ),
    hold_back_tests: false,
    ...more,
  });
  const runner = new HandRunner(core.db, worker, places);
  await runner.claim();
  runner.serve();
  await until("the job", async () => isSettled((await reload(core.db, filed)).state), RUN_MS);
  await runner.stop();
  const passed = () => core.db.learningPass.findUnique({ where: { jobId_run: { jobId: filed.id, run: 1 } } });
  await until("its learnings", async () => (await passed()) !== null, RUN_MS);
  return { job: await reload(core.db, filed), pass: await passed() };
}

test("what a fix taught is told to the next job's agents, and its outcome is noted", {
  timeout: RUN_MS,
}, async () => {
  const first = await runOne("simulation/sim-1+test@1");
  expect(first.job.state).toBe("completed");
  expect(first.pass).toMatchObject({ outcome: "with_fixes", taken: 1 });
  const [learning] = await core.db.learning.findMany();
  expect(learning).toMatchObject({ kind: "error-solution", jobId: first.job.id });

  const second = await runOne("simulation/sim-1");
  expect(second.pass).toMatchObject({ outcome: "first_attempt", taken: 0 });
  const uses = await core.db.learningUse.findMany({ where: { jobId: second.job.id } });
  expect(uses.length).toBeGreaterThan(0);
  for (const use of uses) expect(use).toMatchObject({ learningId: learning?.id, outcome: "first_attempt" });
  const told = await core.db.agentRun.findFirstOrThrow({
    where: { jobId: second.job.id, key: uses[0]?.agentRun as string },
  });
  expect((told.prompt as { first: string }).first).toMatch(
    /\n<learnings>Notes from earlier jobs .*\n\{"kind":/,
  );
});

test("a run that failed is looked through as well", { timeout: RUN_MS }, async () => {
  const { job, pass } = await runOne("simulation/sim-1+test@1", { max_fixes: 0 });
  expect(job.state).toBe("failed");
  expect(pass).toMatchObject({ outcome: "failed" });
});
