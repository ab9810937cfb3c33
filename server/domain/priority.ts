// Priorities and the claim order. A job's rank is the time since when it waits plus a handicap by priority,
// so waiting raises priority by itself and the order stays an index walk: nothing is ever re-sorted.
import { z } from "zod";

export const PRIORITIES = ["critical", "high", "medium", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Head start that each priority gives away, in milliseconds: a medium job overtakes new high ones after 8 hours. */
export const HANDICAP_MS: Record<Priority, number> = {
  critical: 0,
  high: 24 * 3_600_000,
  medium: 32 * 3_600_000,
  low: 40 * 3_600_000,
};

const BY_NUMBER: Record<number, Priority> = { 1: "critical", 2: "high", 3: "medium", 4: "low", 5: "low" };

/** Accepts the four names or the numbers 1 (critical) to 5 (low). */
export const priorityInput = z
  .union([z.enum(PRIORITIES), z.number().int().min(1).max(5)])
  .transform((value): Priority => (typeof value === "number" ? (BY_NUMBER[value] ?? "low") : value));

/** Rank of a job that waits since `queuedAt`; smaller is claimed first. */
export function rankOf(priority: Priority, queuedAt: Date): bigint {
  return BigInt(queuedAt.getTime() + HANDICAP_MS[priority]);
}

/** Rank of a job that lost its lease: before everything that has not begun. */
export const HEAD_RANK = 0n;
