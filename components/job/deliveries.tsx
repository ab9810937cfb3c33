"use client";
import { CopyText } from "@/components/ui/copy-text";
import { FoldMark } from "@/components/ui/fold-mark";
import { formatCount } from "@/components/ui/format";
import type { JobDetailView } from "@/server/domain/outputs";
import { deliveryName } from "./delivery-name";

/** What is tried first stands first. */
const ORDER = ["branch", "patch", "bundle", "folder", "zip"];
const rank = (target: string) => (ORDER.indexOf(target) + ORDER.length + 1) % (ORDER.length + 1);

/** Every form in which the result lies ready, where it is, and what takes it over. */
export function Deliveries({ job, deliveries }: Pick<JobDetailView, "job" | "deliveries">) {
  const done = deliveries
    .filter(({ at, path }) => at !== null && path !== null)
    .toSorted((a, b) => rank(a.target) - rank(b.target));
  if (done.length < 2) return null;
  return (
    <details className="group mt-1 pl-6">
      <summary className="flex min-h-9 w-fit items-center gap-1.5 text-muted hover:text-ink">
        <FoldMark />
        {formatCount(done.length, "delivery", "deliveries")}
      </summary>
      <dl className="grid gap-x-4 gap-y-1 pt-1 pb-2 sm:grid-cols-[5.5rem_minmax(0,1fr)]">
        {done.map(({ target, path }) => (
          <Delivery
            key={target}
            target={target}
            path={path ?? ""}
            command={job.project === null ? null : commandFor(target, path, job.branch)}
          />
        ))}
      </dl>
    </details>
  );
}

function Delivery({ target, path, command }: { target: string; path: string; command: string | null }) {
  return (
    <>
      <dt className="text-muted">{deliveryName(target)}</dt>
      <dd className="mb-2 min-w-0 sm:mb-0">
        <CopyText text={path} />
        {command && (
          <span className="block text-xs text-faint">
            Take it over with <CopyText text={command} />
          </span>
        )}
      </dd>
    </>
  );
}

/** As one word of a shell. */
const quoted = (path: string | null) =>
  /^[\w./:@-]*$/.test(path ?? "") ? path : `'${path?.replaceAll("'", "'\\''")}'`;

/** What a person types in a clone of the repository. */
function commandFor(target: string, path: string | null, branch: string | null): string | null {
  if (target === "branch") return `git fetch origin ${path}`;
  if (target === "patch") return `git apply ${quoted(path)}`;
  if (target === "bundle" && branch) return `git fetch ${quoted(path)} ${branch}`;
  return null;
}
