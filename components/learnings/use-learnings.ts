"use client";
// The learnings of a filter: by pages, newest first, or, with words to search for, the best fits.
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTRPC, useTRPCClient } from "@/components/api/trpc";
import type { LearningView } from "@/server/domain/learning";
import type { LearningFilter } from "./learning-filter";

const PAGE = 50;
const MOST_HITS = 50;

export interface Learnings {
  rows: readonly LearningView[];
  isPending: boolean;
  /** What is shown belongs to the filter before. */
  isOld: boolean;
  error: unknown;
  retry: () => void;
  /** Fetches the next page; null when there is none. */
  more: (() => void) | null;
  isFetchingMore: boolean;
  /** How it was searched, in words; null for a list. */
  how: string | null;
}

export function useLearnings({ q, ...filter }: LearningFilter): Learnings {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const { job: _, ...asked } = filter;
  const search = useQuery({
    ...trpc.learnings.search.queryOptions({ q: q ?? "", ...asked, limit: MOST_HITS }),
    enabled: q !== undefined,
    placeholderData: keepPreviousData,
  });
  const paged = { ...filter, limit: PAGE };
  const list = useInfiniteQuery({
    queryKey: trpc.learnings.list.infiniteQueryKey(paged),
    queryFn: ({ pageParam, signal }) =>
      client.learnings.list.query({ ...paged, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    enabled: q === undefined,
  });
  const used = q === undefined ? list : search;
  return {
    rows:
      (q === undefined ? list.data?.pages.flatMap((page) => page.learnings) : search.data?.learnings) ?? [],
    isPending: used.isPending,
    isOld: used.isPlaceholderData,
    error: used.error,
    retry: () => void used.refetch(),
    more: q === undefined && list.hasNextPage ? () => void list.fetchNextPage() : null,
    isFetchingMore: list.isFetchingNextPage,
    how: q === undefined || !search.data ? null : howOf(search.data),
  };
}

const howOf = ({
  by,
  note,
  learnings,
}: {
  by: string;
  note: string | null;
  learnings: readonly unknown[];
}) => {
  const found = by === "text" ? "Found by words" : "Found by words and meaning";
  const most = learnings.length === MOST_HITS ? `, the best ${MOST_HITS}` : "";
  return `${found}${most}, best first.${note ? ` Not by meaning: ${note}` : ""}`;
};

/** Asks for what is shown again; not for one that is gone, of which there would be no answer. */
export function useRenewLearnings(): (how?: { gone: boolean }) => void {
  const trpc = useTRPC();
  const cache = useQueryClient();
  return useCallback(
    ({ gone } = { gone: false }) => {
      void cache.invalidateQueries(trpc.learnings.list.pathFilter());
      void cache.invalidateQueries(trpc.learnings.search.pathFilter());
      if (!gone) void cache.invalidateQueries(trpc.learnings.get.pathFilter());
    },
    [cache, trpc],
  );
}
