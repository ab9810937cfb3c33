/** Gives things that have no identity beyond their place, such as lines of a text, their place as the key. */
export function keyed<T>(items: readonly T[]): { key: number; item: T }[] {
  return items.map((item, key) => ({ key, item }));
}
