import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { diffSchema } from "./schema-diff";

const MODEL = `datasource db {
  provider = "postgresql"
}
enum Colour {
  red
  green
}
model Car {
  id     BigInt   @id @default(autoincrement())
  colour Colour   @default(red)
  tags   String[]
  weight Float?   @map("weight_kg")
  @@index([colour, id])
  @@map("car")
}
`;

let dir: string;
let databases: TestDatabase[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "fabrica-diff-"));
  databases = await Promise.all([createTestDatabase(), createTestDatabase()]);
  for (const { url } of databases) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(
      "DROP SCHEMA IF EXISTS engine CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public",
    );
    await client.end();
  }
});

afterEach(async () => {
  await Promise.all(databases.map((database) => database.drop()));
  rmSync(dir, { recursive: true, force: true });
});

function diff(schema: string): Promise<string> {
  writeFileSync(join(dir, "schema.prisma"), schema);
  const [database, shadow] = databases.map(({ url }) => url);
  return diffSchema({
    schemaFile: join(dir, "schema.prisma"),
    migrationsDir: join(dir, "migrations"),
    databaseUrl: database ?? "",
    shadowUrl: shadow ?? "",
  });
}

function keep(name: string, sql: string): void {
  mkdirSync(join(dir, "migrations", name), { recursive: true });
  writeFileSync(join(dir, "migrations", name, "migration.sql"), sql);
}

it("finds only what the migrations do not hold yet, and leaves other schemas alone", async () => {
  const first = await diff(MODEL);
  expect(first).toContain('CREATE TYPE "Colour" AS ENUM');
  keep("00000000000001_init", first);
  keep(
    "00000000000002_other",
    `CREATE SCHEMA engine; CREATE TABLE engine.run (id int);
     CREATE FUNCTION engine.touch() RETURNS trigger AS $$ BEGIN NEW.id := 1; RETURN NEW; END; $$ LANGUAGE plpgsql;`,
  );
  const second = await diff(MODEL.replace("  tags", "  doors Int @default(4)\n  tags"));
  expect(second).toMatch(
    /^-- AlterTable\nALTER TABLE "car" ADD COLUMN +"doors" INTEGER NOT NULL DEFAULT 4;$/,
  );
});

it("answers nothing when schema and migrations agree", async () => {
  keep("00000000000001_init", await diff(MODEL));
  expect(await diff(MODEL)).toBe("");
});
