// What there is once in a process. Next bundles the server three times over (for what starts with the process, for
// routes and for pages), and each bundle has a copy of its own of every module: whatever has to be the same one for all
// of them lies on the process. So does what has to outlive a module that is loaded anew in development.

const ALL = Symbol.for("fabrica.process-wide");
const held = globalThis as unknown as { [ALL]?: Map<string, unknown> };

/**
 * The one of this process, made by whoever asks first.
 * @param name its own, for all copies of the module that asks
 */
export function processWide<T>(name: string, make: () => T): T {
  held[ALL] ??= new Map();
  const all = held[ALL];
  if (!all.has(name)) all.set(name, make());
  return all.get(name) as T;
}
