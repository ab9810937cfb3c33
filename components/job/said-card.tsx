"use client";
// What a person said, and which turn read it. What still waits stands above the field for the next message instead.
import { TranscriptLink } from "@/components/transcripts/transcript-link";
import { Icon } from "@/components/ui/icons";
import { Ago } from "@/components/ui/time";
import type { SaidRow } from "./feed-row";

const NOT_READ: Partial<Record<SaidRow["state"], string>> = {
  unread: "Not read: no agent asked any more. If the job is started again, the message waits there.",
  missed: "Not read: no agent of this job asked any more.",
};

/** Who reads the messages of a job that an external agent does; it has no transcript here. */
const OUTSIDE = "external agent";

export function SaidCard({ row }: { row: SaidRow }) {
  return (
    <div className="lazy-row my-2 max-w-[80ch] rounded-md border hairline bg-sunken/60 px-3 py-2">
      <p className="flex flex-wrap items-center gap-x-2 text-xs text-muted">
        <Icon name="speech" className="text-faint" />
        <span className="font-medium text-ink">{row.author}</span>
        {row.about}
        <span className="ml-auto text-faint">
          <Ago at={row.at} />
        </span>
      </p>
      <p className="mt-1 whitespace-pre-wrap wrap-anywhere">{row.text}</p>
      {row.reader && (
        <p className="mt-1 text-xs text-faint">
          Read by{" "}
          {row.reader.agentRun === OUTSIDE ? (
            "the external agent"
          ) : (
            <TranscriptLink place={row.reader} className="underline underline-offset-2 hover:text-ink">
              {row.reader.agentRun}, turn {row.reader.turn}
            </TranscriptLink>
          )}
        </p>
      )}
      {NOT_READ[row.state] && <p className="mt-1 text-xs text-warn">{NOT_READ[row.state]}</p>}
    </div>
  );
}
