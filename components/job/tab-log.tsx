"use client";
import { memo, useState } from "react";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/states";
import type { JobEvent } from "@/server/domain/events";
import type { TabProps } from "./tab-props";

const FIRST_SHOWN = 300;

/** Every event as it was logged, newest first. */
export function TabLog({ log }: TabProps) {
  const [shown, setShown] = useState(FIRST_SHOWN);
  const [words, setWords] = useState("");
  const wanted = words.trim().toLowerCase();
  const matching = wanted
    ? log.events.filter((event) => JSON.stringify(event).toLowerCase().includes(wanted))
    : log.events;
  if (log.events.length === 0) return <Empty icon="jobs" title="No events yet" />;
  const newest = matching.slice(-shown).toReversed();
  return (
    <>
      <input
        type="search"
        aria-label="Search events"
        placeholder="Search events"
        value={words}
        onChange={(event) => setWords(event.target.value)}
        className="mb-3 h-9 w-full rounded-md border border-edge bg-raised px-3 sm:max-w-sm"
      />
      <ol aria-label="Events">
        {newest.map((event) => (
          <EventLine key={event.seq} event={event} />
        ))}
      </ol>
      {matching.length > shown && (
        <Button className="mt-3" onClick={() => setShown(shown + 2000)}>
          Show {(matching.length - shown).toLocaleString("en")} older
        </Button>
      )}
    </>
  );
}

const EventLine = memo(function EventLine({ event }: { event: JobEvent }) {
  const [open, setOpen] = useState(false);
  const data = JSON.stringify(event.data);
  return (
    <li className="lazy-row border-b hairline">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="grid min-h-8 w-full grid-cols-[3rem_minmax(0,1fr)] items-center gap-x-3 px-1 text-left text-xs hover:bg-sunken md:grid-cols-[3rem_6.5rem_10rem_minmax(0,1fr)]"
      >
        <span className="text-right text-faint tabular-nums">{event.seq}</span>
        <time dateTime={event.at} title={event.at} className="hidden text-faint tabular-nums md:inline">
          {new Date(event.at).toLocaleTimeString("en-GB")}
        </time>
        <span className="truncate font-medium">{event.type}</span>
        <span className="hidden truncate font-mono text-muted md:inline">{data.slice(0, 300)}</span>
      </button>
      {open && (
        <pre className="mb-2 overflow-x-auto rounded-md bg-sunken px-3 py-2 font-mono text-xs whitespace-pre-wrap wrap-anywhere">
          {event.at}
          {"\n"}
          {JSON.stringify(event.data, null, 2)}
        </pre>
      )}
    </li>
  );
});
