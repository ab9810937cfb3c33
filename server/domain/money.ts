// Money is whole micro-dollars everywhere inside; dollars appear only at the edges.

/** Below this many tokens of answer a call is not worth making: the job pauses instead. */
export const MIN_ANSWER_TOKENS = 1024;

/** Whole micro-dollars of an amount in dollars, rounded to the nearest. */
export function toMicro(usd: number): bigint {
  return BigInt(Math.round(usd * 1_000_000));
}

/** Dollars for showing; exact up to 2^53 micro-dollars. */
export function toUsd(micro: bigint): number {
  return Number(micro) / 1_000_000;
}
