// A job as a statement of ours returns it, under the names that Prisma gives its columns.
import type { Job } from "../../generated/prisma/client";

const names = new Map<string, string | null>();

/** Columns that begin with `_` belong to the statement and not to the job. */
function nameOf(column: string): string | null {
  const known = names.get(column);
  if (known !== undefined) return known;
  const name = column.startsWith("_")
    ? null
    : column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  names.set(column, name);
  return name;
}

/** @param row all columns of the table `job` */
export function toJob(row: Record<string, unknown>): Job {
  const job: Record<string, unknown> = {};
  for (const column in row) {
    const name = nameOf(column);
    if (name !== null) job[name] = row[column];
  }
  // The statement selected every column, and the names are those of the schema.
  return job as unknown as Job;
}
