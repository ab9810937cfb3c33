"use client";
// Leads to a place in the transcript of the job whose page is open, without fetching the page again.
import type { MouseEvent, ReactNode } from "react";
import { type TranscriptPlace, transcriptQuery } from "./transcript-place";

/** Opens a query of the present page as a step of the browser's history. */
export function goToQuery(query: string): void {
  window.history.pushState(null, "", query);
}

/** Whether a click is to open here, and not in another tab or window. */
const isPlain = (event: MouseEvent) =>
  event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

export function TranscriptLink({
  place,
  label,
  className,
  children,
}: {
  /** Null: the list of agent runs. */
  place: TranscriptPlace | null;
  /** What a screen reader says instead of the words. */
  label?: string;
  className?: string;
  children: ReactNode;
}) {
  const query = transcriptQuery(place);
  return (
    <a
      href={query}
      aria-label={label}
      className={className}
      onClick={(event) => {
        if (!isPlain(event)) return;
        event.preventDefault();
        goToQuery(query);
      }}
    >
      {children}
    </a>
  );
}
