"use client";
import { useQuery } from "@tanstack/react-query";
import type { FactoryView } from "@/server/domain/outputs";
import { useTRPC } from "./trpc";

const STALE_MS = 300_000;

/** The model that does the work; undefined until it is known. */
export function useFactory(): FactoryView | undefined {
  const trpc = useTRPC();
  return useQuery(trpc.factory.info.queryOptions({}, { staleTime: STALE_MS })).data;
}
