// Every procedure of the API with the fields that may be sent to it, read from the router itself: what is tested for all
// of them is tested for those to come as well.
import { z } from "zod";
import { handleRest } from "@/server/api/http/rest";
import { handleTrpc } from "@/server/api/http/trpc";
import { appRouter } from "@/server/api/root";
import type { Db } from "@/server/db";
import { type Answer, makeRequest, read } from "./support";

export interface Procedure {
  /** "jobs.get" */
  name: string;
  mutation: boolean;
  method: string;
  /** Below /api/v1, with {name} for what varies. */
  path: string;
  /** What varies in the address. */
  inPath: string[];
  fields: string[];
  required: string[];
}

interface Definition {
  type: string;
  inputs: z.ZodType[];
  meta: { openapi: { method: string; path: string } };
}

const definitions = appRouter._def.procedures as unknown as Record<string, { _def: Definition }>;

export const PROCEDURES: Procedure[] = Object.entries(definitions).map(([name, { _def }]) => {
  const { method, path } = _def.meta.openapi;
  const schemas = _def.inputs.map((input) => z.toJSONSchema(input, { io: "input", unrepresentable: "any" }));
  return {
    name,
    mutation: _def.type === "mutation",
    method,
    path,
    inPath: [...path.matchAll(/\{(\w+)\}/g)].map(([, field = ""]) => field),
    fields: schemas.flatMap((schema) => Object.keys(schema.properties ?? {})),
    required: schemas.flatMap((schema) => schema.required ?? []),
  };
});

type Input = Record<string, unknown>;

/** Both ways to a procedure. What is sent is what a client of that way would send. */
export const DOORS = {
  rest: async (db: Db, { method, path, inPath }: Procedure, input: Input, token?: string) => {
    const rest = Object.entries(input).filter(([field]) => !inPath.includes(field));
    const filled = inPath.reduce(
      (at, field) => at.replace(`{${field}}`, encodeURIComponent(textOf(input[field]))),
      path,
    );
    const query = new URLSearchParams(rest.map(([field, value]) => [field, textOf(value)]));
    const address = method === "POST" || rest.length === 0 ? filled : `${filled}?${query}`;
    const body = method === "POST" ? { body: Object.fromEntries(rest) } : {};
    return read(
      await handleRest(makeRequest(method, `/api/v1${address}`, { ...tokenOf(token), ...body }), db),
    );
  },
  trpc: async (db: Db, { name, mutation }: Procedure, input: Input, token?: string) => {
    const json = JSON.stringify({ json: input });
    const request = mutation
      ? makeRequest("POST", `/api/trpc/${name}`, { ...tokenOf(token), raw: json })
      : makeRequest("GET", `/api/trpc/${name}?input=${encodeURIComponent(json)}`, tokenOf(token));
    return read(await handleTrpc(request, db));
  },
} satisfies Record<string, (db: Db, procedure: Procedure, input: Input, token?: string) => Promise<Answer>>;

export type Door = keyof typeof DOORS;

const tokenOf = (token: string | undefined) => (token === undefined ? {} : { token });

/** As it is written into an address; half of a pair cannot be. */
const textOf = (value: unknown) =>
  (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).toWellFormed();
