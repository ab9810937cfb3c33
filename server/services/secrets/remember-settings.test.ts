import { expect, test } from "vitest";
import { readEnv } from "../../env";
import { redact } from "../redact";
import { rememberSettings } from "./remember-settings";

const settings = (DATABASE_URL: string) =>
  readEnv({ DATABASE_URL, DATA_DIR: "/data", FABRICA_AUTH_SECRET: "x".repeat(32) });

test("the database's password is a secret, and one that is a word is a word", () => {
  rememberSettings(settings("postgres://fabrica:p%40ss-word-of-20-letters@db.test/fabrica"));
  expect(redact("p@ss-word-of-20-letters")).toBe("[redacted]");
  expect(redact("postgres://fabrica:p%40ss-word-of-20-letters@db.test/")).toBe(
    "postgres://fabrica:[redacted]@db.test/",
  );
  rememberSettings(settings("postgres://fabrica:100%-of-a-long-word@db.test/fabrica"));
  expect(redact("100%-of-a-long-word")).toBe("[redacted]");
  rememberSettings(settings("postgres://postgres:postgres@db.test/fabrica"));
  rememberSettings(settings("postgres://db.test/fabrica"));
  expect(redact("postgres is a database")).toBe("postgres is a database");
});
