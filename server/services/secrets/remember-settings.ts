import type { Env } from "../../env";
import { rememberSecret } from "./known-secrets";

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
  ];
  for (const secret of secrets) if (secret) rememberSecret(secret);
}
