// Whether the parts that a job needs are there. A question about health never fails; it says what is missing.
import { statfs } from "node:fs/promises";
import type { z } from "zod";
import type { Db } from "../../db";
import type { healthDetailView, healthView } from "../../domain/outputs";
import { env } from "../../env";

type Detail = z.infer<typeof healthDetailView>;
interface Part {
  ok: boolean;
  detail: string;
}

export const VERSION = "0.1.0";
const PATIENCE_MS = 1_000;
const LEAST_FREE_BYTES = 512 * 1024 * 1024;

/** Whether this process can answer requests that need the database. */
export async function checkBasics(db: Db): Promise<z.infer<typeof healthView>> {
  const database = await checkDatabase(db);
  return { status: database.ok ? "ok" : "degraded", version: VERSION };
}

/** Every part by name. */
export async function checkEverything(db: Db): Promise<Detail> {
  const [database, engine, runners, disk] = await Promise.all([
    checkDatabase(db),
    checkEngine(),
    checkRunners(db),
    checkDisk(),
  ]);
  const components = { database, engine, runners, disk };
  const ok = Object.values(components).every((part) => part.ok);
  return { status: ok ? "ok" : "degraded", version: VERSION, components };
}

async function checkDatabase(db: Db): Promise<Part> {
  const began = performance.now();
  return within(async () => {
    await db.$queryRaw`SELECT 1`;
    return { ok: true, detail: `answers in ${Math.round(performance.now() - began)} ms` };
  }, "does not answer");
}

async function checkEngine(): Promise<Part> {
  const { INNGEST_BASE_URL, FABRICA_BUILT_IN_ENGINE } = env();
  if (!INNGEST_BASE_URL) return { ok: false, detail: "INNGEST_BASE_URL is not set" };
  const which =
    FABRICA_BUILT_IN_ENGINE === "1" ? "built-in" : `Inngest server at ${new URL(INNGEST_BASE_URL).host}`;
  return within(async () => {
    const answer = await fetch(new URL("/health", INNGEST_BASE_URL), {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await answer.body?.cancel();
    return {
      ok: answer.ok,
      detail: `${which}, ${answer.ok ? "answers" : `answers with status ${answer.status}`}`,
    };
  }, `${which}, does not answer`);
}

async function checkRunners(db: Db): Promise<Part> {
  return within(async () => {
    const alive = await db.worker.count({ where: { status: { in: ["idle", "busy", "draining"] } } });
    return { ok: alive > 0, detail: alive === 1 ? "1 worker" : `${alive} workers` };
  }, "not known");
}

async function checkDisk(): Promise<Part> {
  return within(async () => {
    const { bavail, bsize } = await statfs(env().DATA_DIR);
    const free = bavail * bsize;
    return { ok: free >= LEAST_FREE_BYTES, detail: `${(free / 1024 ** 3).toFixed(1)} GB free` };
  }, "cannot be read");
}

async function within(look: () => Promise<Part>, otherwise: string): Promise<Part> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Part>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: otherwise }), PATIENCE_MS);
  });
  try {
    return await Promise.race([look(), late]);
  } catch {
    return { ok: false, detail: otherwise };
  } finally {
    clearTimeout(timer);
  }
}
