import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redact } from "./redact";
import { redactPart, redactRest } from "./redact-stream";

const TOKENS = [
  "sk-ant-api03-abcdefghijklmnop",
  `ghp_${"a1B2".repeat(9)}`,
  `github_pat_${"a1B2".repeat(9)}`,
  `glpat-${"a1B2".repeat(6)}`,
  `npm_${"a1B2".repeat(9)}`,
  `fabw_${"a1B2_-".repeat(7)}a`,
  `far_${"a1B2_-".repeat(7)}a`,
  `fab_${"a1B2_-".repeat(6)}`,
  `signkey-prod-${"0a".repeat(20)}`,
  "AKIAIOSFODNN7EXAMPLE",
];
const KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc/+=\nMIIEdef\n-----END RSA PRIVATE KEY-----";
const SECRETS = [...TOKENS, KEY];

/** What is stored of a text that comes in these pieces, and the most that was held on the way. */
function stream(pieces: readonly string[]) {
  let held = "";
  let stored = "";
  let most = 0;
  for (const piece of pieces) {
    const part = redactPart(held, piece);
    held = part.held;
    stored += part.text;
    most = Math.max(most, held.length);
  }
  return { stored: stored + redactRest(held), most };
}

/** Cuts a text at the given places. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [
    0,
    ...[...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b),
    text.length,
  ];
  return at.slice(1).map((end, i) => text.slice(at[i], end));
}

describe("a credential in pieces", () => {
  test.each(SECRETS)("%s is not stored, wherever it is cut in two", (secret) => {
    const text = `before ${secret} after\n`;
    for (let i = 0; i <= text.length; i++)
      expect(stream([text.slice(0, i), text.slice(i)]).stored).toBe("before [redacted] after\n");
  });

  test.each(SECRETS)("%s is not stored when it comes letter by letter", (secret) => {
    expect(stream([...`x=${secret}\n${secret}`]).stored).toBe("x=[redacted]\n[redacted]");
  });

  test("that goes on and on is one, and little of it is held", () => {
    const { stored, most } = stream(
      Array.from({ length: 1_000 }, (_, i) => (i === 0 ? "sk-ant-" : "abcdefghij")),
    );
    expect(stored).toBe("[redacted]");
    expect(most).toBeLessThan(1_000);
  });

  test("of many lines is one, and little of it is held", () => {
    const lines = Array.from({ length: 500 }, () => "MIIEabcdefghijklmnopqrstuvwxyz\n");
    const { stored, most } = stream([
      "a\n",
      "-----BEGIN PRIVATE KEY-----\n",
      ...lines,
      "-----END PRIVATE KEY-----",
      "\nb",
    ]);
    expect(stored).toBe("a\n[redacted]\nb");
    expect(most).toBeLessThan(200);
  });

  test("whose key never ends takes the rest with it", () => {
    expect(stream(["a -----BEGIN PRIV", "ATE KEY-----\nMIIE", "more", "and more"]).stored).toBe(
      "a [redacted]",
    );
  });
});

test("text comes to the same in pieces as in one, for any mixture and any cuts", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...TOKENS,
      KEY,
      "sk-ant",
      "gh",
      "fab_",
      "AKIA",
      "-----BEGIN CERT-----",
      " ",
      "\n",
      "-",
      "é",
    ),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (words, places) => {
        const text = words.join(" ");
        expect(stream(cut(text, places)).stored).toBe(redact(text));
      },
    ),
    { numRuns: 500 },
  );
});

test("an ordinary line is not held back", () => {
  expect(redactPart("", "42 tests passed\n")).toEqual({ text: "42 tests passed\n", held: "" });
});
