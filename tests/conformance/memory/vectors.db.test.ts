// Searching by words and by meaning gives the same with an index for vectors and without one. The second kind of database
// takes part where MEMORY_DATABASE_URL names a server with pgvector 0.8 or newer, on which a database can be made.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withDatabase } from "@/cli/launcher/embedded-postgres";
import { migrate } from "@/prisma/migrate";
import { connect, type Db } from "@/server/db";
import { findByMeaning } from "@/server/memory/find-by-meaning";
import { findByText } from "@/server/memory/find-by-text";
import { insertLearnings, storeVectors, withoutVector } from "@/server/memory/learning-rows";
import { hashOf } from "@/server/memory/tidy-learning";
import { hasVectorIndex, makeVectorIndex } from "@/server/memory/vector-index";
import { cosine, unitVector } from "@/server/memory/vectors";
import { fakeVector } from "@/tests/support/fake-embedder";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";

const EMBEDDER = "ollama/test";
/** More than are looked through without the index. */
const MANY = 1_100;
const FILL_MS = 240_000;
const server = process.env.MEMORY_DATABASE_URL;

async function databaseOn(url: string): Promise<TestDatabase> {
  const name = `memory_${randomBytes(6).toString("hex")}`;
  const admin = async (statement: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await admin(`CREATE DATABASE ${name}`);
  await migrate(withDatabase(url, name));
  return { url: withDatabase(url, name), drop: () => admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

const kinds = [
  { name: "without an index", indexed: false, make: createTestDatabase },
  ...(server ? [{ name: "with pgvector", indexed: true, make: () => databaseOn(server) }] : []),
];

describe.each(kinds)("$name", ({ indexed, make }) => {
  let database: TestDatabase;
  let db: Db;
  const teams: bigint[] = [];
  const units = new Map<bigint, number[]>();
  const unitOf = (text: string) => unitVector(fakeVector(text)) as number[];
  const textOf = (i: number) => `topic${i % 150} word${i % 37} word${i % 11} number${i}`;

  beforeAll(async () => {
    database = await make();
    db = connect(database.url, 4);
    for (const slug of ["many", "others", "few"])
      teams.push((await db.team.create({ data: { slug, name: slug }, select: { id: true } })).id);
    for (const [t, count] of [MANY, MANY, 20].entries()) {
      const team = teams[t] as bigint;
      const rows = Array.from({ length: count }, (_, i) => ({
        kind: "gotcha" as const,
        title: `topic${i % 150}`,
        text: textOf(i),
        stack: [],
        files: [],
        hash: hashOf({ title: String(t), text: textOf(i) }),
      }));
      const source = { team, origin: "job" as const, project: null, job: null, run: null, person: null };
      const stored = await insertLearnings(db, source, rows, false);
      const textBy = new Map(rows.map(({ hash, text }) => [hash, text]));
      const vectors = stored.map(({ id, hash }) => ({ id, hash, unit: unitOf(textBy.get(hash) as string) }));
      for (const { id, unit } of vectors) units.set(id, unit);
      for (let at = 0; at < vectors.length; at += 500)
        await storeVectors(db, EMBEDDER, vectors.slice(at, at + 500));
    }
    await db.$executeRaw`ANALYZE learning, learning_vector`;
  }, FILL_MS);
  afterAll(async () => {
    await db.$disconnect();
    await database.drop();
  });

  test(`the index ${indexed ? "is made, once" : "cannot be had, and nothing fails"}`, async () => {
    expect(await makeVectorIndex(db, database.url)).toBe(indexed);
    expect(await makeVectorIndex(db, database.url)).toBe(indexed);
    expect(await hasVectorIndex(db)).toBe(indexed);
  });

  const idsOf = async (team: bigint) =>
    new Set(
      (await db.learning.findMany({ where: { teamId: team }, select: { id: true } })).map(({ id }) => id),
    );

  test.each([0, 2])("the closest of team %s are found, closest first, with their cosines", async (t) => {
    const team = teams[t] as bigint;
    const own = await idsOf(team);
    for (const text of ["topic7 word3", "topic14 word20 number14", "number5 topic5"]) {
      const unit = unitOf(text);
      const exact = [...own]
        .map((id) => ({ id, cosine: cosine(unit, units.get(id) as number[]) }))
        .sort((a, b) => b.cosine - a.cosine);
      const near = await findByMeaning(db, team, EMBEDDER, unit, 20);
      expect(near).toHaveLength(20);
      expect(near.map((one) => one.cosine)).toEqual([...near.map((one) => one.cosine)].sort((a, b) => b - a));
      for (const { id, cosine: told } of near)
        expect(told).toBeCloseTo(cosine(unit, units.get(id) as number[]), 4);
      // Cosines and not ids: equal ones may come in any order.
      expect(near[0]?.cosine).toBeCloseTo(exact[0]?.cosine as number, 4);
      const floor = (exact[9]?.cosine as number) - 1e-4;
      expect(near.slice(0, 10).filter((one) => one.cosine >= floor).length).toBeGreaterThanOrEqual(9);
      expect(near.every(({ id }) => own.has(id))).toBe(true);
    }
  });

  test("nothing of another embedder or of no vectors is found", async () => {
    const [team] = teams as [bigint];
    expect(await findByMeaning(db, team, "ollama/other", unitOf("topic7"), 20)).toEqual([]);
    expect(await findByMeaning(db, -1n, EMBEDDER, unitOf("topic7"), 20)).toEqual([]);
  });

  test("words are found in their own team only, rare ones before common ones", async () => {
    const [, others, few] = teams as [bigint, bigint, bigint];
    const found = await findByText(db, others, "number77 word3", 100);
    const own = await idsOf(others);
    expect(found.every(({ id }) => own.has(id))).toBe(true);
    const best = await db.learning.findUniqueOrThrow({ where: { id: found[0]?.id } });
    expect(best.text).toContain("number77");
    expect(await findByText(db, few, "number77", 100)).toEqual([]);
    expect(await findByText(db, few, "", 100)).toEqual([]);
    expect(await findByText(db, few, "12345 6.7 the of !!", 100)).toEqual([]);
  });

  test("a learning that changed while it was embedded keeps no stale vector", async () => {
    const [team] = teams as [bigint];
    const [waiting] = await withoutVector(db, "ollama/new", 1);
    if (!waiting) throw new Error("none waits");
    expect(waiting.teamId).toBe(team);
    await storeVectors(db, "ollama/new", [{ id: waiting.id, hash: "another", unit: unitOf("x") }]);
    expect(await db.learningVector.count({ where: { embedder: "ollama/new" } })).toBe(0);
    await storeVectors(db, "ollama/new", [{ id: waiting.id, hash: waiting.hash, unit: unitOf("x") }]);
    expect(await db.learningVector.count({ where: { embedder: "ollama/new" } })).toBe(1);
  });
});
