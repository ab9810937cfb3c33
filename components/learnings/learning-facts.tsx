import Link from "next/link";
import type { ReactNode } from "react";
import { Ago } from "@/components/ui/time";
import type { LearningView } from "@/server/domain/learning";
import { KIND_LABEL, scoreOf, timesOf } from "./learning-look";

const LINK = "underline underline-offset-2 hover:text-ink";

/** Where a learning comes from, what it is about, and what came of it. */
export function LearningFacts({ learning }: { learning: LearningView }) {
  const score = scoreOf(learning);
  return (
    <dl className="mt-3 grid max-w-[80ch] grid-cols-[6.5rem_minmax(0,1fr)] gap-x-4 gap-y-1 text-muted">
      <Row label="Kind">{KIND_LABEL[learning.kind]}</Row>
      <Row label="Repository">
        {learning.project === null ? (
          "holds anywhere"
        ) : (
          <Link href={`/projects/${learning.project}`} className={LINK}>
            {learning.project}
          </Link>
        )}
      </Row>
      {learning.stack.length > 0 && <Row label="Technology">{learning.stack.join(", ")}</Row>}
      {learning.files.length > 0 && (
        <Row label="Files">
          <span className="font-mono text-xs">{learning.files.join(", ")}</span>
        </Row>
      )}
      <Row label="From">
        <Source learning={learning} />
      </Row>
      <Row label="Outcome">
        <span className={score.ink}>{score.text}</span>
        {learning.uses > 0 && `, ${timesOf(learning.uses, "told")} to agents of jobs that are over`}
      </Row>
      <Row label="Found">
        {timesOf(learning.found, "found")}, last <Ago at={learning.found_at} />
        {learning.edited_at && (
          <>
            ; edited <Ago at={learning.edited_at} />
          </>
        )}
      </Row>
    </dl>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-xs leading-5 text-faint">{label}</dt>
      <dd className="min-w-0 wrap-anywhere">{children}</dd>
    </>
  );
}

function Source({ learning: { origin, job } }: { learning: LearningView }) {
  if (job !== null)
    return (
      <>
        <Link href={`/jobs/${job}`} className={LINK}>
          {job}
        </Link>{" "}
        (
        <Link href={`/learnings?job=${job}`} className={LINK}>
          all that it found
        </Link>
        )
      </>
    );
  if (origin === "file") return "a file that somebody read in";
  return origin === "person" ? "somebody who wrote it down" : "a job that is not there any more";
}
