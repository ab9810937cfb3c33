// What a template writes into its text is what the server would have been given.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Core, startCore } from "@/tests/support/settings";
import { runPlanned } from "./db";
import { Prisma } from "./generated/prisma/client";
import { template } from "./template";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterAll(() => core.close());

const read = async (build: (given: unknown) => Prisma.Sql) => {
  const [row] = await runPlanned<{ v: unknown }>(core.db, template(build)(null));
  return row?.v;
};

const TEXTS = [
  "",
  "it's -- $1 'here'",
  'say "no"',
  "back\\slash\\",
  "\\'; DROP TABLE job; --",
  "{a,b}",
  "NULL",
  "two\n\tlines  é 😀",
];

test.each(TEXTS)("a text: %j", async (text) => {
  expect(await read(() => Prisma.sql`SELECT ${text}::text AS v`)).toBe(text);
});

test("a list of texts, with nothing in between", async () => {
  const list = [...TEXTS, null];
  expect(await read(() => Prisma.sql`SELECT ${list}::text[] AS v`)).toEqual(list);
  expect(await read(() => Prisma.sql`SELECT ${[]}::text[] AS v`)).toEqual([]);
});

test("numbers, yes and no, nothing, and JSON as text", async () => {
  expect(await read(() => Prisma.sql`SELECT ${-1.5}::float8 AS v`)).toBe(-1.5);
  expect(await read(() => Prisma.sql`SELECT ${2n ** 63n - 1n}::bigint AS v`)).toBe(2n ** 63n - 1n);
  expect(await read(() => Prisma.sql`SELECT ${[1, null]}::int[] AS v`)).toEqual([1, null]);
  expect(await read(() => Prisma.sql`SELECT ${true}::boolean AS v`)).toBe(true);
  expect(await read(() => Prisma.sql`SELECT ${null}::text AS v`)).toBeNull();
  expect(await read(() => Prisma.sql`SELECT ${JSON.stringify({ a: TEXTS })}::jsonb AS v`)).toEqual({
    a: TEXTS,
  });
});
