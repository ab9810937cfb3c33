"use client";
import { useQuery } from "@tanstack/react-query";
import type { MeView } from "@/server/domain/outputs";
import { useTRPC } from "./trpc";

const STALE_MS = 300_000;

/** Who is signed in; undefined until it is known. */
export function useMe(): MeView | undefined {
  const trpc = useTRPC();
  return useQuery(trpc.auth.me.queryOptions({}, { staleTime: STALE_MS })).data;
}
