import { describe, expect, test } from "vitest";
import { redact, redactAll } from "./redact";

const SECRETS = [
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
  "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
];

describe("text from outside", () => {
  test.each(SECRETS)("loses %s wherever it stands", (secret) => {
    for (const text of [secret, `x ${secret}`, `"${secret}"`, `a=${secret}&b`]) {
      expect(redact(text)).toContain("[redacted]");
      expect(redact(text)).not.toContain(secret);
    }
  });

  test("keeps what only looks a little like it", () => {
    for (const text of [
      "sk-ant",
      "ghp_short",
      "fab_ric",
      "far_future_expiration_header",
      "a -----BEGIN CERTIFICATE----- b",
    ])
      expect(redact(text)).toBe(text);
  });

  test("loses NUL and lone surrogates", () => expect(redact("a\u0000b\ud800")).toBe("a␀b\ufffd"));
});

describe("a whole value", () => {
  test.each([
    ["an escape written out", { code: 'if (s === "\\u0000") {}' }],
    ["a backslash at the end", { a: "x\\", b: "y" }],
    ["quotes and brackets", { a: '"}]', b: ["{"] }],
  ])("with %s stays what it is", (_name, value) => expect(redactAll(value)).toEqual(value));

  test("with a key that is never closed loses the key and nothing else", () => {
    const value = { a: "-----BEGIN PRIVATE KEY-----\nMIIE", b: "kept", calls: [1] };
    expect(redactAll(value)).toEqual({ a: "[redacted]", b: "kept", calls: [1] });
  });
});
