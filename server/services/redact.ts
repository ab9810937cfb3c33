// The one place where text from outside is freed of secrets before it is stored, and of what Postgres cannot hold.
import { mapText, plainText } from "../domain/plain-json";
import { replaceKnownSecrets } from "./secrets/known-secrets";

/** Shapes of credentials that must never reach a log, whoever printed them. */
const PATTERNS: readonly RegExp[] = [
  /\bsk-ant-[A-Za-z0-9_-]{10,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bglpat-[A-Za-z0-9_-]{20,}/g,
  /\bnpm_[A-Za-z0-9]{30,}/g,
  /\bfab_[A-Za-z0-9_-]{20,}/g,
  /\bsignkey-[a-z]+-[0-9a-f]{20,}/g,
  /\bAKIA[0-9A-Z]{16}\b/g,
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
