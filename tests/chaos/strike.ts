/** Does one accident to a running factory: a signal to one process or to all, or the loss of the whole machine's power. */
import { setTimeout as pause } from "node:timers/promises";
import { type Factory, PARTS } from "@/tests/system/factory";
import { membersOf } from "@/tests/system/host-processes";
import type { Hit, Target } from "./schedule";
import type { SecondRunner } from "./second-runner";

/** What is hit. */
export interface Victim {
  factory: Factory;
  second: SecondRunner;
}

/** When the factory was disturbed by us, in milliseconds since the epoch. */
export interface Outage {
  hit: Hit;
  began: number;
  /** From here on it was left to itself: the kill, the end of the sleep, the start after a loss of power. */
  ended: number;
}

/** A process between two lives cannot be hit; it is waited for so long. */
const WAIT_FOR_VICTIM_MS = 15_000;
const POLL_MS = 20;

/**
 * Does it; a sleeper is woken up in the background.
 * @returns null when there was nothing to hit; `over` resolves when it is over
 */
export async function strike(
  victim: Victim,
  hit: Hit,
): Promise<{ outage: Outage; over: Promise<void> } | null> {
  if (hit.target === "power") return cutPower(victim, hit);
  const pids = await untilAlive(victim, hit);
  if (pids.length === 0) return null;
  const outage: Outage = { hit, began: Date.now(), ended: Date.now() };
  const reached = pids.filter((pid) => send(pid, hit.signal));
  if (reached.length === 0) return null;
  if (hit.signal === "SIGKILL") return { outage, over: Promise.resolve() };
  return { outage, over: wakeUp(reached, outage) };
}

async function untilAlive(victim: Victim, { target, signal }: Hit): Promise<number[]> {
  const giveUp = Date.now() + WAIT_FOR_VICTIM_MS;
  for (;;) {
    const pids = pidsOf(victim, target, signal);
    if (pids.length > 0 || Date.now() > giveUp) return pids;
    await pause(POLL_MS);
  }
}

function pidsOf(victim: Victim, target: Target, signal: Hit["signal"]): number[] {
  const { factory, second } = victim;
  if (target === "power") return [];
  if (target === "all") return [...PARTS, "runner-2" as const].flatMap((one) => pidsOf(victim, one, signal));
  const pid = target === "runner-2" ? second.pid() : factory.pids()[target];
  if (pid === undefined) return [];
  // A stopped postmaster keeps its backends going; with them the whole server stands still. Killed, it leaves them
  // to themselves for a moment, which is the harder accident.
  return target === "postgres" && signal === "SIGSTOP" ? [pid, ...membersOf(pid)] : [pid];
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // It ended by itself in between.
  }
}

async function wakeUp(pids: readonly number[], outage: Outage): Promise<void> {
  await pause(outage.hit.sleepMs);
  for (const pid of pids) send(pid, "SIGCONT");
  outage.ended = Date.now();
}

async function cutPower(
  { factory, second }: Victim,
  hit: Hit,
): Promise<{ outage: Outage; over: Promise<void> }> {
  const outage: Outage = { hit, began: Date.now(), ended: Date.now() };
  await Promise.all([factory.crash(), second.crash()]);
  await Promise.all([factory.startAgain(), second.startAgain()]);
  outage.ended = Date.now();
  return { outage, over: Promise.resolve() };
}
