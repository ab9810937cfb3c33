"use client";
import { usePathname, useRouter } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { Icon } from "@/components/ui/icons";
import { STATE_LOOK } from "@/components/ui/job-state";
import { JOB_STATES, type JobState } from "@/server/domain/job-state";

/** Time without a key press after which the words are searched, in milliseconds. */
const TYPING_MS = 250;

/** Search words and state; writes both into the address. */
export function JobFilters({ state, search }: { state: JobState | null; search: string }) {
  const router = useRouter();
  const path = usePathname();
  const [words, setWords] = useState(search);
  const go = (next: { state: string; words: string }) => {
    const params = new URLSearchParams();
    if (next.words.trim()) params.set("q", next.words.trim());
    if (next.state) params.set("state", next.state);
    const query = params.toString();
    router.replace(query ? `${path}?${query}` : path, { scroll: false });
  };
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => setWords(search), [search]);
  // What was typed before this script ran stands in the box, and nowhere else.
  useEffect(() => setWords((known) => box.current?.value || known), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing starts the wait
  useEffect(() => {
    if (words.trim() === search) return;
    const timer = setTimeout(() => go({ state: state ?? "", words }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [words]);
  return (
    <search className="flex flex-wrap gap-2 pb-3">
      <div className="relative min-w-48 flex-1 sm:max-w-sm">
        <Icon name="search" className="absolute top-2.5 left-2.5 text-faint" />
        <input
          ref={box}
          type="search"
          aria-label="Search jobs"
          placeholder="Title or job id"
          value={words}
          onChange={(event) => setWords(event.target.value)}
          className="h-9 w-full rounded-md border border-edge bg-raised pr-2 pl-8"
        />
      </div>
      <select
        aria-label="State"
        value={state ?? ""}
        onChange={(event) => go({ state: event.target.value, words })}
        className="h-9 rounded-md border border-edge bg-raised pr-8 pl-3"
      >
        <option value="">All states</option>
        {JOB_STATES.map((each) => (
          <option key={each} value={each}>
            {STATE_LOOK[each].label}
          </option>
        ))}
      </select>
    </search>
  );
}
