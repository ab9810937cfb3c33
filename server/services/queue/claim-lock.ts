import { runStatement, type Tx } from "../../db";
import { Prisma } from "../../generated/prisma/client";

/** Key of the advisory lock under which leases are counted: ASCII of "queue". */
export const CLAIM_LOCK = 0x7175657565n;

/** Lets one transaction at a time count leases and take one. A statement after it sees what the last one committed. */
export async function lockClaims(tx: Tx): Promise<void> {
  await runStatement(tx, Prisma.sql`SELECT pg_advisory_xact_lock(${CLAIM_LOCK}::bigint)::text AS locked`);
}
