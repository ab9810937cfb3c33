import { expect, test } from "vitest";
import { Prisma } from "./generated/prisma/client";
import { template, templates } from "./template";

test("fills the value in wherever it stands, and writes the others into the text", () => {
  const fill = template((given) => Prisma.sql`SELECT ${given}::int + ${2}::int + ${given}::int`);
  expect(fill(7)).toEqual({ text: "SELECT $1::int + '2'::int + $2::int", values: [7, 7] });
  expect(fill(null).values).toEqual([null, null]);
});

test("leaves out comments and indentation, and nothing of what is quoted", () => {
  const { text } = template(
    (given) => Prisma.sql`SELECT 'two  spaces -- and ''quotes''', "a  name" -- why: it's so
        FROM t   -- "never" closed '
        WHERE id = ${given}`,
  )(1);
  expect(text).toBe(`SELECT 'two  spaces -- and ''quotes''', "a  name" FROM t WHERE id = $1`);
});

test.each([[undefined], [{ a: 1 }], [[["a"]]], [Symbol.iterator]])("%o is refused", (value) => {
  expect(() => template(() => Prisma.sql`SELECT ${value}`)).toThrow("not a plain value");
});

test("each kind is put together once, and no number of kinds is kept for ever", () => {
  const ofKind = templates();
  let built = 0;
  const ask = (kind: string) =>
    ofKind(kind, (given) => {
      built++;
      return Prisma.sql`SELECT ${kind}::text, ${given}::text`;
    });
  expect(ask("a")("x")).toEqual({ text: "SELECT 'a'::text, $1::text", values: ["x"] });
  expect(ask("a")("y").values).toEqual(["y"]);
  expect(built).toBe(1);
  for (let i = 0; i < 1_000; i++) ask(`kind ${i}`);
  expect(ask("a")("z").values).toEqual(["z"]);
  expect(built).toBe(1_002);
});
