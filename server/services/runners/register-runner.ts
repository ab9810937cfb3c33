// A runner comes (back): every slot becomes a worker with its own token, of which only the hash is kept.
import { randomBytes } from "node:crypto";
import { PROTOCOL_VERSION, type RegisterAnswer, type RegisterRequest } from "../../../runner/protocol";
import type { Db, Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { crockford } from "../../domain/ids";
import { EXTERNAL_AGENT, offersOfRunner } from "../../domain/needs";
import { env } from "../../env";
import type { Runner } from "../../generated/prisma/client";
import { hashToken, newSecretToken, sameSecret } from "../auth/secret-token";
import { freeJob } from "../queue/sweep-leases";
import { announceWorkers } from "../workers/announce-workers";

/** @throws AppError `unauthorized` unless this is the token that runners register with */
export function requireRegistrationToken(given: string): void {
  const expected = env().FABRICA_RUNNER_TOKEN;
  if (!expected || !sameSecret(given, expected)) {
    throw new AppError("unauthorized", "The registration token is not right; see the page Workers.");
  }
}

/**
 * Registers a runner with its slots. One that comes with its stored id and secret keeps its workers' ids and counts,
 * and every lease that they held is free at once.
 * @throws AppError `upgrade_required`, `unprocessable` (its probe failed)
 */
export async function registerRunner(db: Db, request: RegisterRequest): Promise<RegisterAnswer> {
  if (request.protocol !== PROTOCOL_VERSION) {
    throw new AppError("upgrade_required", `This server speaks runner protocol ${PROTOCOL_VERSION}.`);
  }
  if (request.probe.length === 0)
    throw new AppError("unprocessable", "The runner has not proven its sandbox: send what its probe found.");
  const broken = request.probe.find((check) => check.result === "fail");
  if (broken) throw new AppError("unprocessable", `The probe "${broken.name}" failed: ${broken.detail}`);
  return db.$transaction(async (tx) => {
    const { runner, secret } = await findOrCreate(tx, request);
    const workers = [];
    const offers = request.agent === "external" ? [EXTERNAL_AGENT] : offersOfRunner(request.images ?? []);
    for (let slot = 0; slot < request.slots; slot++)
      workers.push(await seatWorker(tx, runner.id, slot, offers));
    await unseat(tx, runner.id, request.slots);
    await announceWorkers(tx);
    return {
      runner_id: runner.id,
      runner_secret: secret,
      workers,
      heartbeat_seconds: env().HEARTBEAT_SECONDS,
      lease_seconds: env().LEASE_SECONDS,
    };
  });
}

async function findOrCreate(tx: Tx, request: RegisterRequest): Promise<{ runner: Runner; secret: string }> {
  const facts = {
    name: request.name,
    driver: request.driver,
    probe: request.probe,
    programs: request.programs,
    registeredAt: new Date(),
  };
  if (request.runner_id && request.runner_secret) {
    const known = await tx.runner.findUnique({ where: { id: request.runner_id } });
    if (known && sameSecret(known.secretHash, hashToken(request.runner_secret))) {
      await freeLeases(tx, known.id);
      const runner = await tx.runner.update({ where: { id: known.id }, data: facts });
      return { runner, secret: request.runner_secret };
    }
  }
  const secret = randomBytes(32).toString("base64url");
  const id = `runner-${crockford(randomBytes(8), 8)}`;
  const runner = await tx.runner.create({ data: { id, secretHash: hashToken(secret), ...facts } });
  return { runner, secret };
}

async function freeLeases(tx: Tx, runnerId: string): Promise<void> {
  const held = await tx.$queryRaw<{ id: bigint }[]>`
    SELECT j.id FROM job j JOIN worker w ON w.id = j.lease_worker_id WHERE w.runner_id = ${runnerId} FOR UPDATE OF j`;
  for (const { id } of held) await freeJob(tx, id, "runner registered again");
}

/** Slots from `from` on are gone, and their tokens with them. */
async function unseat(tx: Tx, runnerId: string, from: number): Promise<void> {
  await tx.$executeRaw`
    UPDATE worker SET status = 'dead', "order" = 'none', current_job_id = NULL, token_hash = 'none:' || id
    WHERE runner_id = ${runnerId} AND slot >= ${from}`;
}

async function seatWorker(
  tx: Tx,
  runnerId: string,
  slot: number,
  offers: string[],
): Promise<{ worker_id: string; token: string }> {
  const { token, hash } = newSecretToken("fabw_");
  const fresh = {
    tokenHash: hash,
    status: "idle" as const,
    order: "none",
    currentJobId: null,
    offers,
    trouble: null,
    heartbeatAt: new Date(),
  };
  const known = await tx.worker.findUnique({ where: { runnerId_slot: { runnerId, slot } } });
  const worker = known
    ? await tx.worker.update({ where: { id: known.id }, data: fresh })
    : await tx.worker.create({
        data: { id: `worker-${crockford(randomBytes(8), 8)}`, runnerId, slot, ...fresh },
      });
  return { worker_id: worker.id, token };
}
