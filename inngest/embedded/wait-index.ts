/**
 * Finds the waits and cancel rules an event settles. Those that ask for an equality are found by its value,
 * so an event costs the same with ten waits as with a hundred thousand.
 */
import { canonicalize, type Json } from "./canonical-json";
import { evaluate, findIndexKey, readIndexValue } from "./expression";
import type { Expression } from "./parse-expression";
import type { Work } from "./records";

interface Shelf {
  path: (string | number)[];
  byValue: Map<string, Set<Work>>;
}

interface Named {
  shelves: Map<string, Shelf>;
  rest: Set<Work>;
}

/** All outstanding waits and cancel rules. */
export class WaitIndex {
  private readonly byName = new Map<string, Named>();
  private readonly conditions = new WeakMap<Work, Expression>();

  /** Whether anything waits for events of a name. */
  has(name: string): boolean {
    return this.byName.has(name);
  }

  add(work: Work): void {
    const named = this.byName.get(work.eventName!) ?? { shelves: new Map(), rest: new Set() };
    this.byName.set(work.eventName!, named);
    this.place(named, work, true).add(work);
  }

  remove(work: Work): void {
    const named = this.byName.get(work.eventName!);
    if (!named) return;
    this.place(named, work, false).delete(work);
    const key = this.keyOf(work);
    const shelf = key && named.shelves.get(JSON.stringify(key.path));
    if (key && shelf && !shelf.byValue.get(canonicalize(key.value))?.size) {
      shelf.byValue.delete(canonicalize(key.value));
      if (!shelf.byValue.size) named.shelves.delete(JSON.stringify(key.path));
    }
    if (!named.rest.size && !named.shelves.size) this.byName.delete(work.eventName!);
  }

  /** The waits an event settles, cancel rules first. */
  match(name: string, event: Json): Work[] {
    const named = this.byName.get(name);
    if (!named) return [];
    const found = [...named.rest];
    for (const shelf of named.shelves.values()) {
      found.push(...(shelf.byValue.get(canonicalize(readIndexValue(event, shelf.path))) ?? []));
    }
    return found
      .filter((work) => {
        const condition = this.conditionOf(work);
        return !condition || evaluate(condition, { async: event });
      })
      .sort((a, b) => Number(b.kind === "cancel") - Number(a.kind === "cancel"));
  }

  private place(named: Named, work: Work, create: boolean): Set<Work> {
    const key = this.keyOf(work);
    if (!key) return named.rest;
    const id = JSON.stringify(key.path);
    const shelf: Shelf = named.shelves.get(id) ?? { path: key.path, byValue: new Map() };
    const value = canonicalize(key.value);
    const works = shelf.byValue.get(value) ?? new Set<Work>();
    if (create) {
      named.shelves.set(id, shelf);
      shelf.byValue.set(value, works);
    }
    return works;
  }

  private keyOf(work: Work) {
    const condition = this.conditionOf(work);
    return condition && findIndexKey(condition);
  }

  private conditionOf(work: Work): Expression | undefined {
    if (work.condition === null) return undefined;
    let condition = this.conditions.get(work);
    if (!condition) {
      condition = JSON.parse(work.condition) as Expression;
      this.conditions.set(work, condition);
    }
    return condition;
  }
}
