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
