/**
 * What is done to the factory and when, told from a seed alone: the same seed gives the same accidents in the same
 * order with the same pauses. What they meet depends on the machine.
 */
import { seeded } from "./random";

/** What can be hit. `all` hits every process at the same moment, `power` the launchers as well. */
export const TARGETS = ["app", "engine", "runner", "runner-2", "postgres", "all", "power"] as const;
export type Target = (typeof TARGETS)[number];

/** One accident. */
export interface Hit {
  /** Counts from 1. */
  n: number;
  /** Pause before it, in milliseconds. */
  afterMs: number;
  target: Target;
  signal: "SIGKILL" | "SIGSTOP";
  /** How long a stopped process sleeps, in milliseconds; 0 for SIGKILL. */
  sleepMs: number;
  /** Whether the factory is left alone afterwards until every job has gone on, so that its recovery can be seen. */
  calm: boolean;
}

export interface ScheduleOptions {
  seed: number;
  hits: number;
  /** Milliseconds between two hits on average. */
  everyMs: number;
  /** After so many hits comes a calm. */
  calmEvery: number;
}

/** In hundred hits; the rest is shared evenly by the single processes. */
const ALL_PERCENT = 5;
const POWER_PERCENT = 1;
const STOP_PERCENT = 30;
/** A sleep may outlast a lease of 5 s, so that the sleeper wakes up to find it gone. */
const SHORTEST_SLEEP_MS = 300;
const LONGEST_SLEEP_MS = 8_000;

const ONE: readonly Target[] = ["app", "engine", "runner", "runner-2", "postgres"];

/** The whole schedule, in order. */
export function scheduleOf({ seed, hits, everyMs, calmEvery }: ScheduleOptions): Hit[] {
  const random = seeded(`${seed}/hits`);
  return Array.from({ length: hits }, (_, index) => {
    const afterMs = Math.round(everyMs * (0.4 + 1.2 * random.next()));
    const dice = random.next() * 100;
    const one = random.of(ONE);
    const target = dice < POWER_PERCENT ? "power" : dice < POWER_PERCENT + ALL_PERCENT ? "all" : one;
    const sleeps = random.next() * 100 < STOP_PERCENT && target !== "power";
    const sleepMs = SHORTEST_SLEEP_MS + random.next() ** 2 * (LONGEST_SLEEP_MS - SHORTEST_SLEEP_MS);
    const n = index + 1;
    return {
      n,
      afterMs,
      target,
      signal: sleeps ? "SIGSTOP" : "SIGKILL",
      sleepMs: sleeps ? Math.round(sleepMs) : 0,
      calm: n % calmEvery === 0 || n === hits,
    };
  });
}
