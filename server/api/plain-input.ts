// What comes in over tRPC is JSON. The client's library can say beside it that a value stands for something else, which
// the server's would then make of it: patterns, classes, buffers of any size. Of that only "left out" is understood here.
import superjson from "superjson";
import { AppError } from "../domain/errors";

interface Given {
  json?: unknown;
  meta?: { values?: unknown } | null;
}

/** The input as a procedure gets it. @throws AppError `bad_request` */
export function plainInput(given: unknown): unknown {
  if (!isObject(given))
    throw new AppError("bad_request", 'The input must be an object with the field "json".');
  const { json, meta } = given as Given;
  const values = meta?.values;
  if (values === undefined) return json;
  if (!leavesOutOnly(values))
    throw new AppError(
      "bad_request",
      "The input must be plain JSON; values of other kinds are not understood.",
    );
  return superjson.deserialize({ json, meta: { values } } as Parameters<typeof superjson.deserialize>[0]);
}

/** Whether every note in the tree says that a value is left out. A note is a list: the kind, then what is below it. */
function leavesOutOnly(tree: unknown): boolean {
  if (Array.isArray(tree)) return tree.length === 1 && tree[0] === "undefined";
  return isObject(tree) && Object.values(tree).every(leavesOutOnly);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
