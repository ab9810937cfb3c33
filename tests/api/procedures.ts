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

/** What may stand in a field, and in none should. */
export const HOSTILE: unknown[] = [
  ...[
    "",
    " ",
    "\u0000",
    "a\u0000b",
    "a\ud800",
    "\udc00b",
    "x".repeat(3_000),
    "../../etc/passwd",
    "/etc/passwd",
  ],
  ...[
    "' OR 1=1 --",
    "%00",
    "%",
    "<script>alert(1)</script>",
    "\u001b]0;x\u0007",
    "a\r\nX-Other: 1",
    "\u202egnp.exe",
  ],
  ...[
    "-",
    "--upload-pack=x",
    ":(glob)**",
    "a:b",
    "\\",
    "__proto__",
    "constructor",
    "null",
    "NaN",
    "Infinity",
  ],
  ...[
    "1e999",
    "-1",
    "0",
    "9".repeat(18),
    "9".repeat(19),
    "9".repeat(40),
    "0000-01-01",
    "9999-12-31",
    "2026-02-30",
  ],
  ...["JOB-99999999999999-ZZZZ", "javascript:alert(1)", "file:///etc/passwd", "http://127.0.0.1:1/"],
  ...[-1, 0, 1.5, 1e308, 2 ** 31, 2 ** 53, 2 ** 63, true, false, null],
  ...[
    [],
    [[]],
    ["\u0000"],
    [null],
    [1],
    {},
    { a: "\u0000" },
    { toString: 1, valueOf: 1 },
    { constructor: {} },
  ],
];
