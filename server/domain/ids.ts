// Public ids. Clock and randomness are arguments so that tests can fix them.
import { z } from "zod";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** `JOB-YYYYMMDDHHMMSS-XXXX` in UTC; the suffix is Crockford base 32. */
export const jobId = z
  .string()
  .regex(
    /^JOB-\d{14}-[0-9A-HJKMNP-TV-Z]{4}(-CORR-\d{1,2}|-CAND-\d{1,4})?$/,
    "not a job id such as JOB-20260101120000-AB12",
  );

/** `length` Crockford characters out of random bytes. */
export function crockford(random: Uint8Array, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += CROCKFORD[(random[i] ?? 0) & 31];
  return text;
}

/** A new public job id; not yet known to be free. */
export function newJobId(now: Date, random: Uint8Array): string {
  const stamp = now.toISOString().replace(/\D/g, "").slice(0, 14);
  return `JOB-${stamp}-${crockford(random, 4)}`;
}

/** So many ids there are in a second. */
const SUFFIXES = 32 ** 4;

/**
 * Makes new public job ids of which no two are alike: drawn by lot, a thousand in a second meet every other second, and
 * then all that share a statement are filed again. The suffixes of a second are a walk through all that there are, from
 * anywhere in steps of any odd size. Another process may come the same way, so an id is not yet known to be free.
 * @param random gives a whole number from 0 to below its argument
 */
export function jobIds(random: (below: number) => number): (now: Date) => string {
  let second = Number.NaN;
  let at = 0;
  let step = 1;
  return (now) => {
    const present = Math.floor(now.getTime() / 1000);
    if (present !== second) {
      second = present;
      at = random(SUFFIXES);
      step = 1 + 2 * random(SUFFIXES / 2);
    }
    at = (at + step) % SUFFIXES;
    return newJobId(now, Uint8Array.of(at >> 15, at >> 10, at >> 5, at));
  };
}
