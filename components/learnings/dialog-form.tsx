"use client";
// A form in a window over the page. It is made when it opens, so that it begins with what is true then.
import { type ReactNode, useId, useRef, useState } from "react";
import { Button } from "@/components/ui/button";

interface Given {
  opener: (open: () => void) => ReactNode;
  title: string;
  children: (close: () => void) => ReactNode;
}

export function DialogForm({ opener, title, children }: Given) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const id = useId();
  const close = () => dialog.current?.close();
  return (
    <>
      {opener(() => {
        setOpen(true);
        dialog.current?.showModal();
      })}
      <dialog
        ref={dialog}
        aria-labelledby={id}
        onClose={() => setOpen(false)}
        className="m-auto max-h-[calc(100dvh-2rem)] w-[40rem] max-w-[calc(100vw-2rem)] overflow-y-auto rounded-lg border hairline bg-raised p-5 text-ink shadow-xl"
      >
        <h2 id={id} className="text-base font-semibold">
          {title}
        </h2>
        {open && children(close)}
      </dialog>
    </>
  );
}

/** The last line of such a form. */
export function DialogButtons({
  action,
  busy,
  disabled = false,
  onClose,
}: {
  action: string;
  busy: boolean;
  disabled?: boolean;
  onClose: () => void;
}) {
  return (
    <div className="mt-1 flex justify-end gap-2">
      <Button onClick={onClose}>Cancel</Button>
      <Button type="submit" kind="primary" disabled={busy || disabled}>
        {action}
      </Button>
    </div>
  );
}
