// Learnings that share words with a text, by Postgres full text. Any word counts, and the rarer it is the more: what
// Postgres ranks by itself treats all words alike, and looking up the most common ones would touch every row.
import { type Db, runStatement, type Tx } from "../db";
import { Prisma } from "../generated/prisma/client";

/** Words of one question; the first ones, because they stand in its title. */
const MOST_WORDS = 32;
/** Rows looked at for one word. A word of more rows tells little. */
const ROWS_A_WORD = 1_000;
/** Rows that all words together may be expected to have, by the statistics of the column. */
const ROWS_A_QUESTION = 3_000;
/** A word in the title of a learning counts so many times. */
const TITLE_FACTOR = 2;
/** A learning of so many words is matched by chance twice as easily as a short one. */
const LONG_WORDS = 150;

export interface Match {
  id: bigint;
  /** How many words of the question it has. */
  words: number;
  /** Only comparable within one answer. */
  weight: number;
}

/**
 * The learnings of a team that fit best, best first.
 * @param text what is looked for; the words that matter most first
 * @param most how many at most
 */
export function findByText(at: Db | Tx, team: bigint, text: string, most: number): Promise<Match[]> {
  return runStatement<Match>(
    at,
    Prisma.sql`
    WITH said AS (
      SELECT w.lexeme, (w.positions)[1] AS place FROM unnest(to_tsvector('english', ${text})) AS w
      WHERE w.lexeme !~ '^[0-9.+-]+$' AND length(w.lexeme) BETWEEN 2 AND 60
      ORDER BY 2 LIMIT ${MOST_WORDS}::int
    ), known AS (
      SELECT e.lexeme, max(e.share) AS share FROM pg_stats s,
        unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS e(lexeme, share)
      WHERE s.schemaname = current_schema() AND s.tablename = 'learning' AND s.attname = 'search'
      GROUP BY 1
    ), chosen AS (
      SELECT lexeme FROM (
        SELECT s.lexeme, row_number() OVER rarest AS n,
          sum(COALESCE(k.share, 0) * greatest(c.reltuples, 0)) OVER rarest AS sum
        FROM said s LEFT JOIN known k USING (lexeme), pg_class c
        WHERE c.oid = 'learning'::regclass
        WINDOW rarest AS (ORDER BY COALESCE(k.share, 0), s.place)
      ) w WHERE n <= 3 OR sum <= ${ROWS_A_QUESTION}::int
    ), hit AS MATERIALIZED (
      SELECT c.lexeme, l.id, l.length, l.titled FROM chosen c CROSS JOIN LATERAL (
        SELECT id, length(search) AS length, search @@ (quote_literal(c.lexeme) || ':A')::tsquery AS titled
        FROM learning
        WHERE search @@ quote_literal(c.lexeme)::tsquery AND team_id + 0 = ${team} AND deleted_at IS NULL
        LIMIT ${ROWS_A_WORD}::int
      ) l
    ), worth AS (
      SELECT lexeme, ln(1 + ${ROWS_A_WORD}::float8 / count(*)) AS weight FROM hit GROUP BY lexeme
    )
    SELECT h.id, count(*)::int AS words,
      sum(w.weight * CASE WHEN h.titled THEN ${TITLE_FACTOR}::float8 ELSE 1 END) / (1 + max(h.length) / ${LONG_WORDS}::float8)
        AS weight
    FROM hit h JOIN worth w USING (lexeme) GROUP BY h.id ORDER BY weight DESC, h.id DESC LIMIT ${most}::int`,
  );
}
