"use client";
// Listens to the team's stream and marks what it makes old. Bursts are gathered so that a busy factory
// costs a page a few requests a second and no more.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTRPC } from "@/components/api/trpc";
import { connect } from "./connect";
import { setLineState } from "./line-state";

const GATHER_MS = 400;

/** Mounted once a page; renders nothing. */
export function TeamLive() {
  const trpc = useTRPC();
  const cache = useQueryClient();
  useEffect(() => {
    const touched = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const renew = () => {
      timer = undefined;
      for (const id of touched) {
        void cache.invalidateQueries(trpc.jobs.get.queryFilter({ id }));
        void cache.invalidateQueries(trpc.jobs.detail.queryFilter({ id }));
      }
      touched.clear();
      void cache.invalidateQueries(trpc.jobs.list.pathFilter());
      void cache.invalidateQueries(trpc.queue.pathFilter());
      void cache.invalidateQueries(trpc.workers.pathFilter());
    };
    const line = connect("/api/events", {
      onState: (state) => {
        setLineState("team", state);
        // Whatever happened while the line was down was not told to us.
        if (state === "live") timer ??= setTimeout(renew, GATHER_MS);
      },
      onMessage: ({ event, data }) => {
        if (event !== "job" && event !== "queue" && event !== "workers") return;
        if (event === "job") touched.add((JSON.parse(data) as { job_id: string }).job_id);
        timer ??= setTimeout(renew, GATHER_MS);
      },
    });
    return () => {
      line.close();
      clearTimeout(timer);
      setLineState("team", null);
    };
  }, [trpc, cache]);
  return null;
}
