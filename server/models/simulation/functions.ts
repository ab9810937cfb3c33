// The catalogue of functions that a library or a command line tool may be asked for, by words of any language,
// each in both languages with examples that its tests use.
import type { CataloguedFunction } from "./catalogued-function";
import { CALCULATIONS } from "./functions-numbers";
import { TEXTS } from "./functions-text";
import { plain } from "./names";

const CATALOGUE: CataloguedFunction[] = [...TEXTS, ...CALCULATIONS];

/** Id of the catalogued function that a text asks for, or null. */
export function functionFor(text: string): string | null {
  const simple = plain(text);
  return (
    CATALOGUE.find(
      ({ pattern, inOrder = [] }) =>
        pattern.test(simple) || inOrder.some(([first, then]) => isBehind(simple, first, then)),
    )?.id ?? null
  );
}

function isBehind(text: string, first: RegExp, then: RegExp): boolean {
  const found = first.exec(text);
  return found !== null && then.test(text.slice(found.index + found[0].length));
}

/** The catalogued function with this id. */
export function catalogued(id: string): CataloguedFunction {
  return CATALOGUE.find((entry) => entry.id === id)!;
}
