"use client";
// Ctrl-K: every page and every job, by name. The list is a listbox driven from its text box.
import { useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type KeyboardEvent, useDeferredValue, useEffect, useId, useRef, useState } from "react";
import { useTRPC } from "@/components/api/trpc";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";
import { StateBadge } from "@/components/ui/job-state";
import type { JobState } from "@/server/domain/job-state";
import { PLACES } from "./places";

const OPEN = "fabrica:palette";

/** Opens the palette from anywhere on the page. */
export function openPalette(): void {
  window.dispatchEvent(new Event(OPEN));
}

interface Choice {
  href: string;
  label: string;
  detail: string;
  state?: JobState;
}

const FIXED: Choice[] = [
  { href: "/jobs/new", label: "New job", detail: "Action" },
  ...PLACES.map(({ href, label }) => ({ href, label, detail: "Page" })),
];

export function CommandPalette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const show = () => {
      if (dialog.current?.open) return;
      dialog.current?.showModal();
      setOpen(true);
    };
    const onKey = (event: globalThis.KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        show();
      }
    };
    window.addEventListener(OPEN, show);
    window.addEventListener("keydown", onKey);
    return () => {
      window.removeEventListener(OPEN, show);
      window.removeEventListener("keydown", onKey);
    };
  }, []);
  const close = () => dialog.current?.close();
  return (
    <dialog
      ref={dialog}
      aria-label="Search pages and jobs"
      onClose={() => setOpen(false)}
      onClick={(event) => event.target === event.currentTarget && close()}
      onKeyDown={(event) => event.key === "Escape" && close()}
      className="mx-auto mt-[12vh] w-[36rem] max-w-[calc(100vw-2rem)] overflow-hidden rounded-lg border hairline bg-raised text-ink shadow-xl"
    >
      {open && <PaletteList onDone={close} />}
    </dialog>
  );
}

function useChoices(words: string): Choice[] {
  const trpc = useTRPC();
  const search = useDeferredValue(words.trim());
  const jobs = useQuery(
    trpc.jobs.list.queryOptions(
      { limit: 8, search: search || undefined },
      { placeholderData: (before) => before },
    ),
  );
  const wanted = words.trim().toLowerCase();
  const pages = FIXED.filter((choice) => choice.label.toLowerCase().includes(wanted));
  const found = (jobs.data?.jobs ?? []).map((job) => ({
    href: `/jobs/${job.job_id}`,
    label: job.title,
    detail: job.job_id,
    state: job.status,
  }));
  return [...pages, ...found];
}

function PaletteList({ onDone }: { onDone: () => void }) {
  const router = useRouter();
  const [words, setWords] = useState("");
  const [active, setActive] = useState(0);
  const id = useId();
  const choices = useChoices(words);
  const at = Math.min(active, choices.length - 1);
  const go = (choice: Choice | undefined) => {
    if (!choice) return;
    onDone();
    router.push(choice.href);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      setActive((at + step + choices.length) % Math.max(1, choices.length));
    }
    if (event.key === "Enter") go(choices[at]);
  };
  return (
    <>
      <div className="flex items-center gap-2 border-b hairline px-4">
        <Icon name="search" className="text-faint" />
        <input
          // biome-ignore lint/a11y/noAutofocus: the dialog was opened to type here
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={choices[at] ? `${id}-${at}` : undefined}
          aria-label="Search pages and jobs"
          placeholder="Search pages and jobs"
          value={words}
          onChange={(event) => {
            setWords(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKey}
          className="h-12 flex-1 bg-transparent outline-none"
        />
      </div>
      <div id={id} role="listbox" aria-label="Pages and jobs" className="max-h-[50vh] overflow-y-auto p-1.5">
        {choices.map((choice, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the text box that owns this list
          <div
            key={choice.href}
            id={`${id}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === at}
            onClick={() => go(choice)}
            onMouseMove={() => setActive(i)}
            className={cx(
              "flex h-9 cursor-pointer items-center gap-2 rounded-md px-2.5",
              i === at && "bg-sunken",
            )}
          >
            {choice.state ? (
              <StateBadge state={choice.state} iconOnly />
            ) : (
              <Icon name="right" className="text-faint" />
            )}
            <span className="min-w-0 flex-1 truncate">{choice.label}</span>
            <span className="hidden text-xs text-faint xs:inline">{choice.detail}</span>
          </div>
        ))}
        {choices.length === 0 && <p className="px-3 py-6 text-center text-muted">Nothing is called that.</p>}
      </div>
    </>
  );
}
