/**
 * Measures retrieval: what an agent run waits for before it is told its learnings, over a team's 50,000 learnings and
 * as many of other teams. By words, by meaning, and as it is done in the factory; the embedder answers on loopback and
 * its time is part of the last one. Raw figures: min, median, max in milliseconds, and how many of the ten closest
 * vectors are found. With MEMORY_DATABASE_URL (an empty database of a server with pgvector, or one that an earlier run
 * has filled) the index for vectors is made and used as well, and removed at the end.
 * Run: npx tsx tests/bench/memory.ts [learnings] [rounds]
 */
import { performance } from "node:perf_hooks";
import { migrate } from "@/prisma/migrate";
import { connect, type Db } from "@/server/db";
import { Prisma } from "@/server/generated/prisma/client";
import { findByMeaning } from "@/server/memory/find-by-meaning";
import { findByText } from "@/server/memory/find-by-text";
import { makeVectorIndex } from "@/server/memory/vector-index";
import { realArray, signatureOf, unitVector } from "@/server/memory/vectors";
import { FakeEmbedder, fakeVector } from "@/tests/support/fake-embedder";
import { createTestDatabase } from "@/tests/support/postgres";

const [learnings = 50_000, rounds = 40] = process.argv.slice(2).map(Number);
const EMBEDDER = "ollama/nomic-embed-text";
const VOCABULARY = 20_000;
const TOPICS = 400;
const BATCH = 500;

let seed = 42;
const random = () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
  return (seed >>> 0) / 2 ** 32;
};
/** Words are as unequally common as in a language. */
const word = () => `word${Math.floor(VOCABULARY ** random())}`;
const words = (count: number) => Array.from({ length: count }, word).join(" ");

interface Text {
  title: string;
  text: string;
}

/** A learning of one of some hundred topics, whose own words it has besides others. */
function learningOf(index: number): Text {
  const topic = index % TOPICS;
  const own = Array.from({ length: 4 }, (_, i) => `topic${topic}x${i}`).join(" ");
  return { title: `${own} ${words(4)}`, text: `${words(15 + Math.floor(random() * 60))} ${own}` };
}

async function fill(db: Db): Promise<bigint> {
  const started = performance.now();
  const teams = await Promise.all(
    ["mine", "others"].map((slug) => db.team.create({ data: { slug, name: slug }, select: { id: true } })),
  );
  for (const { id: team } of teams) {
    for (let at = 0; at < learnings; at += BATCH) {
      const rows = Array.from({ length: Math.min(BATCH, learnings - at) }, (_, i) => {
        const told = learningOf(at + i);
        const unit = unitVector(fakeVector(`${told.title} ${told.text}`)) ?? [];
        return {
          ...told,
          hash: `${team}-${at + i}`,
          signature: signatureOf(unit),
          embedding: realArray(unit),
        };
      });
      await db.$executeRaw`
        WITH given AS (
          SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
            AS r(title text, text text, hash text, signature text, embedding text)
        ), made AS (
          INSERT INTO learning (team_id, origin, kind, title, text, hash, stack, files)
          SELECT ${team}, 'job', 'gotcha', title, text, hash, '{node}', '{}' FROM given RETURNING id, hash
        )
        INSERT INTO learning_vector (learning_id, team_id, embedder, signature, embedding)
        SELECT m.id, ${team}, ${EMBEDDER}, g.signature::bit(768), g.embedding::real[]
        FROM made m JOIN given g USING (hash)`;
    }
  }
  await db.$executeRaw`ANALYZE learning`;
  await db.$executeRaw`ANALYZE learning_vector`;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${learnings} learnings in each of two teams, filled in ${seconds} s`);
  return teams[0]?.id as bigint;
}

/** The ten closest, reckoned in full over all of the team. */
async function closest(db: Db, team: bigint, unit: readonly number[]): Promise<bigint[]> {
  const rows = await db.$queryRaw<{ id: bigint }[]>(Prisma.sql`
    SELECT learning_id AS id FROM learning_vector v WHERE team_id = ${team} ORDER BY (
      SELECT sum(p.a * p.b) FROM unnest(v.embedding, ${realArray(unit)}::real[]) AS p(a, b)
    ) DESC LIMIT 10`);
  return rows.map(({ id }) => id);
}

const times = new Map<string, number[]>();
async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const value = await work();
  times.set(what, [...(times.get(what) ?? []), performance.now() - started]);
  return value;
}

function show(): void {
  for (const [what, all] of times) {
    const sorted = [...all].sort((a, b) => a - b);
    const at = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1).padStart(9);
    console.log(`${what.padEnd(44)}${at(0)}${at(0.5)}${at(1)}`);
  }
  times.clear();
}

/** What a job would ask: a few words of a topic among a description. */
const questionOf = (round: number) =>
  `topic${round % TOPICS}x1 topic${round % TOPICS}x2 ${words(round % 2 === 0 ? 12 : 300)}`;

async function measure(db: Db, team: bigint): Promise<void> {
  // Settings are read at first use, so this comes after they are set.
  const { findLearnings } = await import("@/server/services/memory/find-learnings");
  const asking = { projectId: null, stack: ["node"], files: [] };
  let found = 0;
  let wanted = 0;
  for (let round = 0; round < rounds + 3; round++) {
    const text = questionOf(round);
    const unit = unitVector(fakeVector(text)) ?? [];
    if (round === 3) times.clear();
    await timed("by words", () => findByText(db, team, text, 100));
    const near = await timed("by meaning", () => findByMeaning(db, team, EMBEDDER, unit, 100));
    await timed("words without a match", () => findByText(db, team, "zyzzyva qwxyzzy", 100));
    await timed("as an agent run is told", () =>
      findLearnings(db, { team, text, asking, leastWords: 2, withPinned: true }),
    );
    if (round % 20 !== 3) continue;
    const exact = await closest(db, team, unit);
    const ids = new Set(near.map(({ id }) => id));
    found += exact.filter((id) => ids.has(id)).length;
    wanted += exact.length;
  }
  show();
  console.log(`${"of the ten closest, found".padEnd(44)}${found} of ${wanted}`);
}

async function main(): Promise<void> {
  const given = process.env.MEMORY_DATABASE_URL;
  const database = given ? null : await createTestDatabase();
  const url = given ?? (database?.url as string);
  if (given) await migrate(given);
  const embedder = await new FakeEmbedder().start();
  Object.assign(process.env, {
    DATABASE_URL: url,
    DATA_DIR: "/nonexistent",
    FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
    OLLAMA_HOST: embedder.url,
    LOG_LEVEL: "error",
  });
  const db = connect(url, 5, 60_000);
  const team = (await db.team.findUnique({ where: { slug: "mine" } }))?.id ?? (await fill(db));
  const started = performance.now();
  if (await makeVectorIndex(db, url)) {
    console.log(`the index was there or made in ${((performance.now() - started) / 1000).toFixed(0)} s`);
    console.log(`${"with pgvector (ms)".padEnd(44)}      min   median      max`);
    await measure(db, team);
    await db.$executeRaw`DROP INDEX learning_vector_hnsw`;
  } else console.log("This server has no pgvector 0.8 or newer, so nothing was measured with it.");
  // Another client, because one remembers that there is an index.
  const plain = connect(url, 5, 60_000);
  console.log(`${"without pgvector (ms)".padEnd(44)}      min   median      max`);
  await measure(plain, team);
  await plain.$disconnect();
  await embedder.stop();
  await db.$disconnect();
  await database?.drop();
}

await main();
process.exit(0);
