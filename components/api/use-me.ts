"use client";
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import type { MeView } from "@/server/domain/outputs";
import { useTRPC } from "./trpc";

const STALE_MS = 300_000;

const never = () => () => undefined;

/**
 * Who is signed in; undefined until it is known. A part of the page that is taken over from the server late begins as the
 * server drew it, also when the answer is there by then.
 */
export function useMe(): MeView | undefined {
  const trpc = useTRPC();
  const me = useQuery(trpc.auth.me.queryOptions({}, { staleTime: STALE_MS })).data;
  const takenOver = useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
  return takenOver ? me : undefined;
}
