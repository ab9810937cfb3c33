import { expect, test } from "vitest";
import { Prisma } from "./generated/prisma/client";
import { template, templates } from "./template";

test("fills the value in wherever it stands, and keeps the others", () => {
  const fill = template((given) => Prisma.sql`SELECT ${given}::int + ${2}::int + ${given}::int`);
  expect(fill(7)).toEqual({ text: "SELECT $1::int + $2::int + $3::int", values: [7, 2, 7] });
  expect(fill(null).values).toEqual([null, 2, null]);
});

test("each kind is put together once, and no number of kinds is kept for ever", () => {
  const ofKind = templates();
  let built = 0;
  const ask = (kind: string) =>
    ofKind(kind, (given) => {
      built++;
      return Prisma.sql`SELECT ${kind}::text, ${given}::text`;
    });
  expect(ask("a")("x").values).toEqual(["a", "x"]);
  expect(ask("a")("y").values).toEqual(["a", "y"]);
  expect(built).toBe(1);
  for (let i = 0; i < 1_000; i++) ask(`kind ${i}`);
  expect(ask("a")("z").values).toEqual(["a", "z"]);
  expect(built).toBe(1_002);
});
