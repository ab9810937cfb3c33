"use client";
// What a person said: a dashed card while no agent has read it.
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";
import { Ago } from "@/components/ui/time";
import type { SaidRow } from "./feed-row";

const END: Record<SaidRow["state"], string> = {
  waiting: "Waits for the next turn",
  read: "Read",
  unread: "Not read: the job ended before",
};

export function SaidCard({ row }: { row: SaidRow }) {
  return (
    <div
      className={cx(
        "lazy-row my-2 max-w-[80ch] rounded-md border px-3 py-2",
        row.state === "waiting" ? "border-dashed border-edge" : "hairline bg-sunken/60",
      )}
    >
      <p className="flex flex-wrap items-center gap-x-2 text-xs text-muted">
        <Icon name="speech" className="text-faint" />
        <span className="font-medium text-ink">{row.author}</span>
        {row.about}
        <span className="ml-auto text-faint">
          <Ago at={row.at} />
        </span>
      </p>
      <p className="mt-1 whitespace-pre-wrap wrap-anywhere">{row.text}</p>
      {row.about === null && (
        <p className={cx("mt-1 text-xs", row.state === "unread" ? "text-warn" : "text-faint")}>
          {row.state === "read" && row.reader ? `Read by ${row.reader}` : END[row.state]}
        </p>
      )}
    </div>
  );
}
