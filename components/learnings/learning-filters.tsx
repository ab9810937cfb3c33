"use client";
import { useQuery } from "@tanstack/react-query";
import { usePathname, useRouter } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { useTRPC } from "@/components/api/trpc";
import { Icon } from "@/components/ui/icons";
import { LEARNING_KINDS } from "@/server/domain/learning-kinds";
import { STACK_NAMES } from "@/server/domain/stacks";
import { filterQuery, type LearningFilter } from "./learning-filter";
import { KIND_LABEL } from "./learning-look";

/** Time without a key press after which the words are searched, in milliseconds. */
const TYPING_MS = 300;

/** Words, kind, repository, technology and pin; all of them are written into the address. */
export function LearningFilters({ filter }: { filter: LearningFilter }) {
  const trpc = useTRPC();
  const router = useRouter();
  const path = usePathname();
  const projects = useQuery(trpc.projects.list.queryOptions({}));
  const go = (change: { [K in keyof LearningFilter]?: string }) =>
    router.replace(`${path}${filterQuery({ ...filter, ...change } as LearningFilter)}`, { scroll: false });
  const names = (projects.data?.projects ?? []).map(({ name }) => name);
  // A project that was put away is still in the address.
  const known = filter.project && !names.includes(filter.project) ? [...names, filter.project] : names;
  return (
    <search className="flex flex-wrap gap-2 pb-3">
      <Words q={filter.q ?? ""} onChange={(q) => go({ q, job: undefined })} />
      <Choice
        label="Kind"
        all="All kinds"
        value={filter.kind}
        options={LEARNING_KINDS.map((kind) => [kind, KIND_LABEL[kind]])}
        onChange={(kind) => go({ kind })}
      />
      {known.length > 0 && (
        <Choice
          label="Repository"
          all="All repositories"
          value={filter.project}
          options={known.map((name) => [name, name])}
          onChange={(project) => go({ project })}
        />
      )}
      <Choice
        label="Technology"
        all="All technologies"
        value={filter.stack}
        options={STACK_NAMES.map((name) => [name, name])}
        onChange={(stack) => go({ stack })}
      />
      <label className="flex h-9 items-center gap-2 px-1">
        <input
          type="checkbox"
          checked={filter.pinned === "true"}
          onChange={(event) => go({ pinned: event.target.checked ? "true" : undefined })}
          className="size-4"
        />
        Pinned only
      </label>
    </search>
  );
}

function Words({ q, onChange }: { q: string; onChange: (words: string | undefined) => void }) {
  const [words, setWords] = useState(q);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => setWords(q), [q]);
  // What was typed before this script ran stands in the box, and nowhere else.
  useEffect(() => setWords((known) => box.current?.value || known), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing starts the wait
  useEffect(() => {
    if (words.trim() === q) return;
    const timer = setTimeout(() => onChange(words.trim() || undefined), TYPING_MS);
    return () => clearTimeout(timer);
  }, [words]);
  return (
    <div className="relative min-w-48 flex-1 basis-full sm:max-w-sm sm:basis-auto">
      <Icon name="search" className="absolute top-2.5 left-2.5 text-faint" />
      <input
        ref={box}
        type="search"
        aria-label="Search learnings"
        placeholder="What is it about?"
        maxLength={1_000}
        value={words}
        onChange={(event) => setWords(event.target.value)}
        className="h-9 w-full rounded-md border border-edge bg-raised pr-2 pl-8"
      />
    </div>
  );
}

function Choice({
  label,
  all,
  value,
  options,
  onChange,
}: {
  label: string;
  all: string;
  value: string | undefined;
  options: readonly (readonly [value: string, label: string])[];
  onChange: (value: string | undefined) => void;
}) {
  return (
    <select
      aria-label={label}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || undefined)}
      className="h-9 min-w-32 flex-1 rounded-md border border-edge bg-raised px-2 sm:flex-none sm:pr-8 sm:pl-3"
    >
      <option value="">{all}</option>
      {options.map(([each, name]) => (
        <option key={each} value={each}>
          {name}
        </option>
      ))}
    </select>
  );
}
