// Commits that nobody waits for. The log of the database is written in one order, so whatever commits later and is
// waited for brings these along: a loss can only concern what nothing durable has been built upon.
import { Prisma } from "../../generated/prisma/client";

/** A part of a WITH, to be joined: the statement's transaction ends without waiting for the disk. */
export const HURRIED = Prisma.sql`hurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))`;
