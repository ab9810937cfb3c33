import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { redact, redactAll } from "../redact";
import { redactPart, redactRest } from "../redact-stream";
import { rememberSecret } from "./known-secrets";

/** Of no shape that is known; ending as they begin, with dashes, beginning like a key of another kind, with quotes. */
const SECRETS = [
  "correct-horse-9",
  "aXYZ12345a",
  "--dashed-secret--",
  `fab_${"0123456789".repeat(30)}.and-more`,
  'quoted"and\\slashed',
  "with space & sign",
];

beforeAll(() => {
  for (const secret of SECRETS) rememberSecret(secret);
});

function stream(pieces: readonly string[]): string {
  let held = "";
  let stored = "";
  for (const piece of pieces) {
    const part = redactPart(held, piece);
    held = part.held;
    stored += part.text;
  }
  return stored + redactRest(held);
}

describe("a secret that is known", () => {
  test.each(SECRETS)("%s is replaced wherever it stands", (secret) => {
    expect(redact(`a ${secret} b`)).toBe("a [redacted] b");
    expect(redact(`x${secret}${secret}y`)).toBe("x[redacted][redacted]y");
    expect(redactAll({ deep: [secret] })).toEqual({ deep: ["[redacted]"] });
  });

  test.each(SECRETS)("%s is replaced as JSON and addresses write it", (secret) => {
    expect(redact(`https://host/?t=${encodeURIComponent(secret)}`)).toBe("https://host/?t=[redacted]");
    expect(redact(JSON.stringify({ secret }))).toBe('{"secret":"[redacted]"}');
  });

  test.each(SECRETS)("%s is not stored in pieces, wherever it is cut", (secret) => {
    const text = `before ${secret} after ${secret}`;
    for (let i = 0; i <= text.length; i++)
      expect(stream([text.slice(0, i), text.slice(i)])).toBe("before [redacted] after [redacted]");
    expect(stream([...text])).toBe("before [redacted] after [redacted]");
  });

  test("is not stored for any mixture and any cuts", () => {
    const word = fc.oneof(
      fc.constantFrom(...SECRETS, "a", "--", "fab_", "correct-"),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 8 }),
        fc.array(fc.nat(40), { maxLength: 20 }),
        (words, sizes) => {
          let rest = words.join(" ");
          const pieces = sizes.map((size) => {
            const piece = rest.slice(0, size);
            rest = rest.slice(size);
            return piece;
          });
          expect(stream([...pieces, rest])).toBe(redact(words.join(" ")));
        },
      ),
      { numRuns: 500 },
    );
  });
});

test("a word too short to be a secret is left alone", () => {
  rememberSecret("tests");
  expect(redact("42 tests passed")).toBe("42 tests passed");
});

test("the latest thousand are known, those used again among them", () => {
  for (let n = 0; n < 600; n++) rememberSecret(`secret-number-${n}-`);
  rememberSecret("secret-number-0-");
  for (let n = 600; n < 1_300; n++) rememberSecret(`secret-number-${n}-`);
  expect(redact("secret-number-0- secret-number-1- secret-number-1299-")).toBe(
    "[redacted] secret-number-1- [redacted]",
  );
});
