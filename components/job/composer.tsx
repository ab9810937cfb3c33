"use client";
// Speaks to the agents of a job that is under way. What they have not read yet stands above the field, for everybody.
import { useMutation } from "@tanstack/react-query";
import { type KeyboardEvent, useId, useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { Button } from "@/components/ui/button";
import { formatCount } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { externalHears, MESSAGE_LENGTH, takesMessages } from "@/server/domain/messages";
import type { SaidRow } from "./feed-row";
import type { TabProps } from "./tab-props";

export function Composer({ job, log }: TabProps) {
  const me = useMe();
  // The work of others is steered on their own pages, or not at all.
  const handedOver = job.agent === "external" && !externalHears(job.status, null);
  const indirect = handedOver || job.waiting_code === "children";
  const mayWrite = takesMessages(job.status) && !indirect && me !== undefined && me.role !== "viewer";
  if (!mayWrite && log.waiting.length === 0) return null;
  return (
    <div className="sticky bottom-0 z-10 -mx-4 mt-6 border-t hairline bg-ground px-4 py-3 sm:mx-0 sm:px-0">
      {log.waiting.length > 0 && <Waiting rows={log.waiting} />}
      {mayWrite && <Field id={job.job_id} />}
    </div>
  );
}

function Waiting({ rows }: { rows: readonly SaidRow[] }) {
  return (
    <div className="mb-2 rounded-md border border-dashed border-edge px-3 py-1.5 text-xs">
      <p className="flex items-center gap-2 text-faint">
        <Icon name="clock" />
        {formatCount(rows.length, "message")} {rows.length === 1 ? "waits" : "wait"} for the next turn
      </p>
      <ul aria-label="Messages that wait" className="mt-1 max-h-24 overflow-y-auto">
        {rows.map((row) => (
          <li key={row.key} className="line-clamp-2 pl-6 wrap-anywhere">
            <span className="font-medium">{row.author}</span> <span className="text-muted">{row.text}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Field({ id }: { id: string }) {
  const trpc = useTRPC();
  const name = useId();
  const [text, setText] = useState("");
  const send = useMutation(trpc.steering.send.mutationOptions({ onSuccess: () => setText("") }));
  const ready = text.trim() !== "" && text.length <= MESSAGE_LENGTH && !send.isPending;
  const submit = () => ready && send.mutate({ id, text });
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };
  const fault =
    text.length > MESSAGE_LENGTH
      ? `${text.length.toLocaleString("en")} characters; at most ${MESSAGE_LENGTH.toLocaleString("en")} are possible.`
      : send.isError && readFault(send.error).text;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="flex items-end gap-2">
        <label htmlFor={name} className="sr-only">
          Message to the agents
        </label>
        <textarea
          id={name}
          name="message"
          rows={1}
          value={text}
          placeholder="Tell the agents something"
          aria-describedby={`${name}-help`}
          aria-invalid={fault ? true : undefined}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKey}
          className="field-sizing-content max-h-40 min-h-9 w-full min-w-0 flex-1 resize-none rounded-md border border-edge bg-raised px-3 py-2 leading-5 aria-invalid:border-bad"
        />
        <Button type="submit" icon="speech" disabled={!ready}>
          {send.isPending ? "Sending …" : "Send"}
        </Button>
      </div>
      <p id={`${name}-help`} className={fault ? "mt-1 text-xs text-bad" : "sr-only"}>
        {fault || "Enter sends, Shift and Enter begin a new line."}
      </p>
    </form>
  );
}
