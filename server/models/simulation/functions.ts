// The catalogue of functions that a library or a command line tool may be asked for, by words of any language.
const CATALOGUE: [id: string, pattern: RegExp][] = [];

/** Id of the catalogued function that a text asks for, or null. */
export function functionFor(text: string): string | null {
  return CATALOGUE.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}
