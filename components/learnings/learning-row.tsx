"use client";
// One learning: closed it says what it is about and what came of it, opened everything that is known of it.
import Link from "next/link";
import { useId, useState } from "react";
import { cx } from "@/components/ui/cx";
import { FoldMark } from "@/components/ui/fold-mark";
import { Icon } from "@/components/ui/icons";
import { Ago } from "@/components/ui/time";
import type { LearningView } from "@/server/domain/learning";
import { LearningActions } from "./learning-actions";
import { LearningFacts } from "./learning-facts";
import { KIND_LABEL, scoreOf, timesOf } from "./learning-look";

export function LearningRow({ learning, mayChange }: { learning: LearningView; mayChange: boolean }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const score = scoreOf(learning);
  return (
    <li className="border-b hairline">
      <button
        type="button"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
        className="grid w-full grid-cols-[1rem_minmax(0,1fr)] items-start gap-x-2 rounded-md px-1 py-2.5 text-left hover:bg-sunken sm:grid-cols-[1rem_minmax(0,1fr)_8.5rem] sm:px-2"
      >
        <FoldMark open={open} className="mt-1 size-3 text-faint" />
        <span className="min-w-0">
          <span className="flex items-start gap-1.5 font-medium">
            {learning.pinned && <Pinned />}
            <span className="min-w-0 wrap-anywhere">{learning.title}</span>
          </span>
          {!open && (
            <span className="line-clamp-2 max-w-[90ch] text-muted wrap-anywhere">{learning.text}</span>
          )}
          <span className="mt-0.5 block text-xs text-faint wrap-anywhere">
            {[KIND_LABEL[learning.kind], learning.project, learning.stack.join(", ")]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </span>
        <span className="col-start-2 flex flex-wrap gap-x-2 text-xs text-faint tabular-nums sm:col-start-3 sm:block sm:text-right">
          <span className={cx("sm:block", score.ink)}>{score.text}</span>
          {learning.uses > 0 && <span className="sm:block">{timesOf(learning.uses, "told")}</span>}
          <Ago at={learning.found_at} />
        </span>
      </button>
      {open && (
        <div id={id} className="pr-1 pb-4 pl-7 sm:pl-8">
          <LearningBody learning={learning} />
          <div className="mt-3 flex flex-wrap items-center gap-2">
            {mayChange && <LearningActions learning={learning} />}
            <Link
              href={`/learnings/${learning.id}`}
              className="inline-flex h-9 items-center px-2 text-muted hover:text-ink hover:underline"
            >
              Open by itself
            </Link>
          </div>
        </div>
      )}
    </li>
  );
}

function Pinned() {
  return (
    <>
      <Icon name="pin" className="mt-0.5 text-accent" />
      <span className="sr-only">Pinned:</span>
    </>
  );
}

/** The whole text and the facts. */
export function LearningBody({ learning }: { learning: LearningView }) {
  return (
    <>
      <p className="max-w-[80ch] whitespace-pre-wrap wrap-anywhere">{learning.text}</p>
      <LearningFacts learning={learning} />
    </>
  );
}
