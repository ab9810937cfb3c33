"use client";
// The tabs of a job. Which one is open is part of the address.
import dynamic from "next/dynamic";
import { useSearchParams } from "next/navigation";
import type { ComponentType } from "react";
import { type RefObject, useEffect, useRef } from "react";
import { cx } from "@/components/ui/cx";
import { Composer } from "./composer";
import { JobBrief } from "./job-brief";
import { JobTimeline } from "./job-timeline";
import { TabLive } from "./tab-live";
import { TabLog } from "./tab-log";
import { TabPlan } from "./tab-plan";
import type { TabProps } from "./tab-props";
import { TabTests } from "./tab-tests";

// Seldom opened, so they are fetched only then: the page of a job is opened often, and on telephones.
const TabChanges = dynamic(() => import("./tab-changes").then((module) => module.TabChanges));
const TabChecks = dynamic(() => import("./tab-checks").then((module) => module.TabChecks));
const TabCandidates = dynamic(() => import("./candidates").then((module) => module.TabCandidates));
const TabTranscript = dynamic(() =>
  import("@/components/transcripts/tab-transcript").then((module) => module.TabTranscript),
);
const TabCosts = dynamic(() => import("./tab-costs").then((module) => module.TabCosts));

interface Tab {
  name: string;
  label: string;
  View: ComponentType<TabProps>;
  count?: (props: TabProps) => string | null;
  /** Left out: it is there for every job. */
  isFor?: (props: TabProps) => boolean;
  className?: string;
}

const TABS: readonly Tab[] = [
  { name: "live", label: "Live", View: TabLive },
  { name: "steps", label: "Steps", View: JobTimeline, className: "lg:hidden" },
  {
    name: "plan",
    label: "Plan",
    View: TabPlan,
    count: ({ detail, log }) =>
      detail.tasks.length > 0
        ? `${detail.tasks.filter((task) => task.done || log.doneTasks.has(task.n)).length}/${detail.tasks.length}`
        : null,
  },
  {
    name: "candidates",
    label: "Candidates",
    View: TabCandidates,
    isFor: ({ job }) => job.candidates > 1,
    count: ({ detail }) => (detail.candidates.length > 0 ? String(detail.candidates.length) : null),
  },
  {
    name: "changes",
    label: "Changes",
    View: TabChanges,
    count: ({ job, detail }) => {
      const files = job.project === null ? detail.files : (job.changes?.files ?? []);
      return files.length > 0 ? String(files.length) : null;
    },
  },
  {
    name: "tests",
    label: "Tests",
    View: TabTests,
    count: ({ job }) => (job.test_results ? `${job.test_results.passed}/${job.test_results.total}` : null),
  },
  { name: "checks", label: "Checks", View: TabChecks },
  { name: "transcript", label: "Transcript", View: TabTranscript },
  { name: "costs", label: "Costs", View: TabCosts },
  {
    name: "log",
    label: "Log",
    View: TabLog,
    count: ({ log }) => (log.lastSeq > 0 ? String(log.lastSeq) : null),
  },
];

export function JobTabs(props: TabProps) {
  const wanted = useSearchParams().get("tab");
  const tabs = TABS.filter(({ isFor = () => true }) => isFor(props));
  const active = tabs.find((tab) => tab.name === wanted) ?? TABS[0]!;
  const list = useRef<HTMLDivElement>(null);
  useInSight(list, active.name);
  const show = (name: string) => {
    const url = new URL(window.location.href);
    // What a tab shows within itself is gone with it.
    url.search = name === "live" ? "" : `?tab=${name}`;
    window.history.replaceState(null, "", url);
  };
  const onKey = (event: React.KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])].filter(
      (tab) => tab.offsetParent,
    );
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  };
  return (
    <section className="min-w-0" aria-label="What this job did">
      <div className="sticky top-12 z-20 -mx-4 flex items-center gap-4 border-b hairline bg-ground px-4 sm:mx-0 sm:px-0 lg:top-0">
        <div
          ref={list}
          role="tablist"
          aria-label="Views"
          className="flex min-w-0 flex-1 gap-4 overflow-x-auto sm:gap-5 lg:gap-4 2xl:gap-5"
          onKeyDown={onKey}
        >
          {tabs.map((tab) => (
            <TabButton
              key={tab.name}
              tab={tab}
              on={tab === active}
              count={tab.count?.(props)}
              onShow={show}
            />
          ))}
        </div>
        <JobBrief job={props.job} />
      </div>
      <div
        role="tabpanel"
        id={`panel-${active.name}`}
        aria-labelledby={`tab-${active.name}`}
        className="min-h-[50vh] pt-4"
      >
        <active.View {...props} />
      </div>
      <Composer {...props} />
    </section>
  );
}

/** Moves the strip so that its open tab can be seen, and nothing else on the page. */
function useInSight(list: RefObject<HTMLElement | null>, name: string): void {
  useEffect(() => {
    const tab = list.current?.querySelector<HTMLElement>(`#tab-${name}`);
    if (!list.current || !tab) return;
    const left = tab.offsetLeft - list.current.offsetLeft;
    const right = left + tab.offsetWidth;
    const { scrollLeft, clientWidth } = list.current;
    if (left < scrollLeft) list.current.scrollLeft = left;
    else if (right > scrollLeft + clientWidth) list.current.scrollLeft = right - clientWidth;
  }, [list, name]);
}

function TabButton({
  tab,
  on,
  count,
  onShow,
}: {
  tab: Tab;
  on: boolean;
  count: string | null | undefined;
  onShow: (name: string) => void;
}) {
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${tab.name}`}
      aria-selected={on}
      aria-controls={on ? `panel-${tab.name}` : undefined}
      tabIndex={on ? 0 : -1}
      onClick={() => onShow(tab.name)}
      className={cx(
        "-mb-px h-10 shrink-0 border-b-2 whitespace-nowrap",
        on ? "border-accent font-medium text-ink" : "border-transparent text-muted hover:text-ink",
        tab.className,
      )}
    >
      {tab.label}{" "}
      {count && <span className="ml-0.5 text-xs font-normal text-faint tabular-nums">{count}</span>}
    </button>
  );
}
