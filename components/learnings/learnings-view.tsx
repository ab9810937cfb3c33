"use client";
// What jobs and people found out, which later jobs are told. The filters live in the address.
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { useMe } from "@/components/api/use-me";
import { Button, ButtonLink } from "@/components/ui/button";
import { PageHead } from "@/components/ui/page-head";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { ImportDialog } from "./import-dialog";
import { LearningDialog } from "./learning-dialog";
import { filterQuery, type LearningFilter, readFilter } from "./learning-filter";
import { LearningFilters } from "./learning-filters";
import { LearningRow } from "./learning-row";
import { useLearnings } from "./use-learnings";

export function LearningsView() {
  const filter = readFilter(useSearchParams());
  const me = useMe();
  const mayChange = me !== undefined && me.role !== "viewer";
  return (
    <>
      <PageHead
        title="Learnings"
        note="What jobs and people found out. Agents are told what fits their task."
      >
        {mayChange && <AddButtons />}
      </PageHead>
      <LearningFilters filter={filter} />
      {filter.job && (
        <p className="pb-2 text-muted">
          Found by{" "}
          <Link href={`/jobs/${filter.job}`} className="underline underline-offset-2 hover:text-ink">
            {filter.job}
          </Link>
          .{" "}
          <Link
            href={`/learnings${filterQuery({ ...filter, job: undefined })}`}
            className="underline underline-offset-2 hover:text-ink"
          >
            Show those of all jobs
          </Link>
        </p>
      )}
      <LearningList filter={filter} mayChange={mayChange} />
    </>
  );
}

function AddButtons() {
  return (
    <>
      <ImportDialog
        opener={(open) => (
          <Button icon="file" onClick={open}>
            Read in files
          </Button>
        )}
      />
      <LearningDialog
        opener={(open) => (
          <Button icon="plus" onClick={open}>
            Write one down
          </Button>
        )}
      />
    </>
  );
}

function LearningList({ filter, mayChange }: { filter: LearningFilter; mayChange: boolean }) {
  const { rows, isPending, isOld, error, retry, more, isFetchingMore, how } = useLearnings(filter);
  if (isPending) return <BoneRows rows={8} label="Learnings are being fetched" />;
  if (error) return <ErrorNote error={error} onRetry={retry} />;
  if (rows.length === 0)
    return <NoLearnings filtered={Object.keys(filter).length > 0} mayChange={mayChange} />;
  return (
    <div className={isOld ? "opacity-60" : undefined} aria-busy={isOld}>
      {how && <p className="pb-1 text-xs text-faint">{how}</p>}
      <ul aria-label="Learnings" className="border-t hairline">
        {rows.map((learning) => (
          <LearningRow key={learning.id} learning={learning} mayChange={mayChange} />
        ))}
      </ul>
      {more && (
        <div className="flex justify-center py-4">
          <Button onClick={more} disabled={isFetchingMore}>
            {isFetchingMore ? "Fetching …" : "Show older learnings"}
          </Button>
        </div>
      )}
    </div>
  );
}

function NoLearnings({ filtered, mayChange }: { filtered: boolean; mayChange: boolean }) {
  if (filtered)
    return (
      <Empty
        icon="search"
        title="No learning matches"
        text="Nothing that the team knows fits these words and filters."
      >
        <ButtonLink href="/learnings">Show all learnings</ButtonLink>
      </Empty>
    );
  return (
    <Empty
      icon="bulb"
      title="Nothing learned yet"
      text="Jobs write down what the next one should know: what broke and why, which way worked, what was decided. You may begin with your own."
    >
      {mayChange && <AddButtons />}
    </Empty>
  );
}
