// The one place where text from outside is freed of secrets before it is stored, and of what Postgres cannot hold.
import { mapText, plainText } from "../domain/plain-json";
import { replaceKnownSecrets } from "./secrets/known-secrets";

/** Shapes of tokens: how they begin, and what follows. Ours are those of programs, workers and sign-ins. */
const TOKENS: readonly [heads: string, rest: string][] = [
  ["sk-ant-", "[A-Za-z0-9_-]{10,}"],
  ["ghp_ gho_ ghu_ ghs_ ghr_", "[A-Za-z0-9]{20,}"],
  ["github_pat_", "[A-Za-z0-9_]{20,}"],
  ["glpat-", "[A-Za-z0-9_-]{20,}"],
  ["npm_", "[A-Za-z0-9]{30,}"],
  ["fab_ fabw_", "[A-Za-z0-9_-]{20,}"],
  // The word stands in many a name, so that all of a token must be there.
  ["far_", "[A-Za-z0-9_-]{43,}"],
  ["signkey-", "[a-z]+-[0-9a-f]{20,}"],
  ["AKIA", "[0-9A-Z]{16}\\b"],
];

/** How the tokens begin that are known by their shape. */
export const TOKEN_HEADS: readonly string[] = TOKENS.flatMap(([heads]) => heads.split(" "));

/** Shapes of credentials that must never reach a log, whoever printed them. */
const PATTERNS: readonly RegExp[] = [
  ...TOKENS.map(([heads, rest]) => new RegExp(`\\b(?:${heads.split(" ").join("|")})${rest}`, "g")),
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

/** What stands where a credential was. */
export const REDACTED = "[redacted]";

/** Text that may be stored: credentials replaced, NUL shown as a symbol, lone surrogates replaced. */
export function redact(text: string): string {
  // By value first: a shape may fit only a part of a secret.
  let clean = replaceKnownSecrets(plainText(text), REDACTED);
  for (const pattern of PATTERNS) clean = clean.replace(pattern, REDACTED);
  return clean;
}

/** The same for every text inside a JSON value. */
export function redactAll<T>(value: T): T {
  return mapText(value, redact);
}
