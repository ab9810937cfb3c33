import { describe, expect, test } from "vitest";
import { crockford, jobId, jobIds, newJobId } from "./ids";

describe("public job ids", () => {
  test("tell the moment in UTC and end with four letters of Crockford's alphabet", () => {
    const id = newJobId(new Date("2026-03-04T05:06:07.890Z"), Uint8Array.of(0, 31, 32, 255));
    expect(id).toBe("JOB-20260304050607-0Z0Z");
    expect(jobId.parse(id)).toBe(id);
  });

  test("of one second are all different, and begin elsewhere in the next", () => {
    let calls = 0;
    const next = jobIds((below) => (calls++ * 7919 + 5) % below);
    const second = new Date("2026-03-04T05:06:07.000Z");
    const made = Array.from({ length: 50_000 }, () => next(second));
    expect(new Set(made).size).toBe(made.length);
    expect(jobId.safeParse(made.at(-1)).success).toBe(true);
    expect(calls).toBe(2);
    const later = next(new Date("2026-03-04T05:06:08.000Z"));
    expect(calls).toBe(4);
    expect(later.slice(-4)).not.toBe(made[0]?.slice(-4));
  });

  test("are as many as there are suffixes before one comes again", () => {
    const draws = [1_048_575, 123_456];
    const next = jobIds(() => draws.shift() ?? 0);
    const second = new Date("2026-03-04T05:06:07.000Z");
    const made = new Set(Array.from({ length: 32 ** 4 }, () => next(second)));
    expect(made.size).toBe(32 ** 4);
  });

  test("use every letter of the alphabet, and none that is mistaken for another", () => {
    const letters = new Set(Array.from({ length: 256 }, (_, byte) => crockford(Uint8Array.of(byte), 1)));
    expect([...letters].sort().join("")).toBe("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
  });

  test.each(["CORR-3", "CAND-1", "CAND-128"])("of a part of a job are ids too: %s", (part) => {
    expect(jobId.parse(`JOB-20260304050607-AB12-${part}`)).toBe(`JOB-20260304050607-AB12-${part}`);
  });

  test.each([
    "",
    "JOB-20260304050607-AB1",
    "JOB-20260304050607-AB123",
    "JOB-2026030405060-AB12",
    "job-20260304050607-AB12",
    "JOB-20260304050607-ILOU",
    "JOB-20260304050607-AB12\n",
    " JOB-20260304050607-AB12",
    "JOB-20260304050607-AB12-CORR-",
    "JOB-20260304050607-AB12-CORR-123",
    "JOB-20260304050607-AB12-CAND-",
    "JOB-20260304050607-AB12-CAND-12345",
    "JOB-20260304050607-AB12-CAND-1-CAND-1",
    "JOB-20260304050607-AB12/../x",
    "JOB-٢٠٢٦٠٣٠٤٠٥٠٦٠٧-AB12",
    9007199254740992,
    null,
  ])("%j is none", (given) => expect(jobId.safeParse(given).success).toBe(false));
});
