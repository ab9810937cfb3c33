// Meanings as numbers: what is stored of a vector and how close two are. Pure.

/** How many numbers a vector has; the column, its signature and its index are made for these. */
export const DIMENSIONS = 768;

/** A vector of length 1, so that the sum of products with another one is their cosine; null for one that points nowhere. */
export function unitVector(numbers: readonly number[]): number[] | null {
  const length = Math.hypot(...numbers);
  if (numbers.length !== DIMENSIONS || !Number.isFinite(length) || length === 0) return null;
  return numbers.map((number) => number / length);
}

/** The signs of the numbers as Postgres reads a bit string. Vectors that are close differ in few of them. */
export function signatureOf(unit: readonly number[]): string {
  return unit.map((number) => (number > 0 ? "1" : "0")).join("");
}

/** A real has no more; longer texts would only take longer to read. */
const REAL_DIGITS = 8;

/** A vector as Postgres reads a real[]. */
export function realArray(unit: readonly number[]): string {
  return `{${unit.map((number) => number.toPrecision(REAL_DIGITS)).join(",")}}`;
}

/** Cosine of the angle between two vectors of length 1. */
export function cosine(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, number, i) => sum + number * (other[i] ?? 0), 0);
}
