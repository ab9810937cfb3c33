"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/api/trpc";
import { formatCount } from "@/components/ui/format";
import type { LockView } from "@/server/domain/outputs";

/** Files that were found in the work are not announced, so the list is asked for now and then. */
const RENEW_MS = 5_000;
/** So many paths of a job are named at once. */
const NAMED = 6;

/** Which job holds which files of a project, and who waits for it. Shows nothing while nothing is held. */
export function FilesHeld() {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.locks.list.queryOptions({}, { refetchInterval: RENEW_MS }));
  if (!data || data.locks.length === 0) return null;
  return (
    <section className="mt-8">
      <h2 className="font-semibold">Files held</h2>
      <p className="mt-0.5 text-muted">
        Jobs of one project that need the same files work one after the other.
        {data.total > data.locks.length && ` The first ${data.locks.length} of ${data.total} are shown.`}
      </p>
      <ul aria-label="Files held" className="mt-2">
        {byHolder(data.locks).map((held) => (
          <Holder key={`${held.project} ${held.job}`} held={held} />
        ))}
      </ul>
    </section>
  );
}

interface Held {
  job: string;
  title: string;
  project: string;
  paths: string[];
  waiting: string[];
}

function Holder({ held: { job, title, project, paths, waiting } }: { held: Held }) {
  const more = paths.slice(NAMED);
  return (
    <li className="grid gap-x-6 gap-y-1 border-b hairline py-2 md:grid-cols-2">
      <div className="min-w-0">
        <Link href={`/jobs/${job}`} className="block truncate font-medium hover:underline">
          {title}
        </Link>
        <p className="text-xs text-muted">
          {project}
          {waiting.length > 0 && (
            <>
              {" · waited for by "}
              {waiting.map((id, i) => (
                <span key={id}>
                  {i > 0 && ", "}
                  <Link href={`/jobs/${id}`} className="whitespace-nowrap hover:underline">
                    {id}
                  </Link>
                </span>
              ))}
            </>
          )}
        </p>
      </div>
      <div className="min-w-0 font-mono text-xs wrap-anywhere text-muted">
        <Paths paths={paths.slice(0, NAMED)} />
        {more.length > 0 && (
          <details>
            <summary className="w-fit cursor-pointer font-sans underline">
              {formatCount(more.length, "more file")}
            </summary>
            <Paths paths={more} />
          </details>
        )}
      </div>
    </li>
  );
}

function Paths({ paths }: { paths: readonly string[] }) {
  return (
    <p className="flex flex-wrap gap-x-4">
      {paths.map((path) => (
        <span key={path}>{path}</span>
      ))}
    </p>
  );
}

function byHolder(locks: readonly LockView[]): Held[] {
  const holders = new Map<string, Held>();
  for (const { project, job_id: job, title, path, waiting } of locks) {
    const key = `${project} ${job}`;
    const held = holders.get(key) ?? { job, title, project, paths: [], waiting: [] };
    holders.set(key, held);
    held.paths.push(path);
    for (const id of waiting) if (!held.waiting.includes(id)) held.waiting.push(id);
  }
  return [...holders.values()];
}
