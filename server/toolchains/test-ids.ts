// The form of test ids, `<file>::<suite>::<name>`, and how ids that ran are compared with ids that were listed.
// Invariant: a listed id that matches nothing that ran, or the other way round, is always told.

/** Stands in a listed id for text that is only known at run time (table rows, variables); matches any text. */
export const WILDCARD = "{*}";

function matcher(listed: string): (id: string) => boolean {
  if (!listed.includes(WILDCARD)) return (id) => id === listed;
  const parts = listed.split(WILDCARD);
  const first = parts[0] ?? "";
  const last = parts[parts.length - 1] ?? "";
  const middle = parts.slice(1, -1);
  return (id) => {
    if (id.length < first.length + last.length || !id.startsWith(first) || !id.endsWith(last)) return false;
    let at = first.length;
    const end = id.length - last.length;
    for (const part of middle) {
      const found = id.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

/**
 * Compares what ran with what the tests of record contain.
 * @param listed ids from a collector, possibly with wildcards
 * @param reported ids from a run
 * @returns listed ids that nothing reported, and reported ids that nothing listed; both empty when the run was whole
 */
export function compareTestIds(
  listed: readonly string[],
  reported: readonly string[],
): { missing: string[]; unexpected: string[] } {
  const ran = new Set(reported);
  const exact = new Set(listed.filter((id) => !id.includes(WILDCARD)));
  const patterns = [...new Set(listed)]
    .filter((id) => !exact.has(id))
    .map((id) => ({ id, fits: matcher(id) }));
  const missing = [...exact].filter((id) => !ran.has(id));
  const candidates = [...ran];
  for (const { id, fits } of patterns) if (!candidates.some(fits)) missing.push(id);
  const unexpected = candidates.filter((id) => !exact.has(id) && !patterns.some(({ fits }) => fits(id)));
  return { missing, unexpected };
}
