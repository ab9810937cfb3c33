// Secrets of people that this process has in hand, such as the tokens of projects, so that text from outside is freed of
// them by value. They are kept in memory only, the latest thousand.

import { processWide } from "../../process-wide";

const MOST = 1_000;
/** Shorter ones stand in ordinary text too often; a token is longer. */
const SHORTEST = 8;

const secrets = processWide("known-secrets", () => ({
  /** In the order of their last use. */
  known: new Set<string>(),
  longestFirst: [] as string[],
}));

/** Makes a secret known, in each form in which programs print it. */
export function rememberSecret(secret: string): void {
  const forms = formsOf(secret);
  const { known } = secrets;
  const news = forms.some((form) => !known.has(form));
  for (const form of forms) {
    known.delete(form);
    known.add(form);
  }
  if (!news) return;
  for (const oldest of known) {
    if (known.size <= MOST) break;
    known.delete(oldest);
  }
  secrets.longestFirst = [...known].sort((a, b) => b.length - a.length);
}

function formsOf(secret: string): string[] {
  const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  return [...new Set(forms)].filter((form) => form.length >= SHORTEST);
}

/** The text with `instead` in the place of every known secret. */
export function replaceKnownSecrets(text: string, instead: string): string {
  let clean = text;
  for (const secret of secrets.longestFirst)
    if (clean.includes(secret)) clean = clean.replaceAll(secret, instead);
  return clean;
}

/** How many characters at the end of a text may be the beginning of a known secret that goes on. */
export function openSecretLength(text: string): number {
  let longest = 0;
  for (const secret of secrets.longestFirst) {
    for (let size = Math.min(secret.length - 1, text.length); size > longest; size--) {
      if (text.endsWith(secret.slice(0, size))) longest = size;
    }
  }
  return longest;
}

/** The last place up to `at` where a text can be cut without cutting a known secret, whole or begun. */
export function cutOutsideSecrets(text: string, at: number): number {
  const cut = Math.min(at, text.length - openSecretLength(text));
  for (const secret of secrets.longestFirst) {
    const begins = text.indexOf(secret, Math.max(0, cut - secret.length + 1));
    if (begins !== -1 && begins < cut) return cutOutsideSecrets(text, begins);
  }
  return cut;
}
