import type { Env } from "../../env";
import { rememberSecret } from "./known-secrets";

/** A shorter password of a database, such as "postgres", is a word that ordinary text has. */
const LEAST_PASSWORD = 16;

/** Frees every text from outside of the factory's own secrets, by value: what they look like is the operator's choice. */
export function rememberSettings(settings: Env): void {
  const secrets = [
    settings.ANTHROPIC_API_KEY,
    settings.FABRICA_AUTH_SECRET,
    settings.FABRICA_RUNNER_TOKEN,
    settings.FABRICA_SECRETS_KEY,
    settings.FABRICA_SETUP_TOKEN,
    settings.INNGEST_EVENT_KEY,
    settings.INNGEST_SIGNING_KEY,
    passwordOf(settings.DATABASE_URL),
  ];
  for (const secret of secrets) if (secret) rememberSecret(secret);
}

function passwordOf(address: string): string | null {
  const { password } = new URL(address);
  if (password.length < LEAST_PASSWORD) return null;
  try {
    return decodeURIComponent(password);
  } catch {
    return password; // A percent sign that stands for itself.
  }
}
