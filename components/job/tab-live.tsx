"use client";
// What happens now, newest at the end. Who goes to the end is taken along with it; who scrolls up is left alone.
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { isMoving } from "@/components/ui/job-state";
import { BoneRows, Empty } from "@/components/ui/states";
import { LiveRow } from "./live-row";
import type { TabProps } from "./tab-props";

const FIRST_SHOWN = 300;
/** Nearer to the end than this counts as being there, in pixels. */
const AT_END = 120;
/** Above the field for messages, by how many wait above it: none, one, several. */
const FOLLOW_AT = ["bottom-20", "bottom-36", "bottom-54"];

export function TabLive({ job, log }: TabProps) {
  const [shown, setShown] = useState(FIRST_SHOWN);
  const { away, toEnd } = useFollow(log.lastSeq, isMoving(job.status));
  // What was logged before is drawn at once: half of it would show programs as running that ended long ago.
  const [fetched, setFetched] = useState(false);
  if (!fetched && log.lastSeq >= job.last_seq) setFetched(true);
  if (!fetched) return <BoneRows rows={8} label="The log is being fetched" />;
  if (log.rows.length === 0) {
    return (
      <Empty
        icon="clock"
        title="Nothing has happened yet"
        text="Every turn of an agent and every line that a program writes appears here while it happens."
      />
    );
  }
  const first = Math.max(0, log.rows.length - shown);
  return (
    <div className="max-w-[68rem]">
      {first > 0 && (
        <Button icon="up" className="mb-3" onClick={() => setShown(shown + 1000)}>
          Show {first.toLocaleString("en")} earlier
        </Button>
      )}
      <div role="log" aria-label="Live log" aria-live="off" className="flex flex-col">
        {log.rows.slice(first).map((row) => (
          <LiveRow key={row.key} row={row} command={commandOf(row, log)} />
        ))}
      </div>
      {away && (
        <div
          className={cx("sticky z-10 mt-4 flex justify-center", FOLLOW_AT[Math.min(2, log.waiting.length)])}
        >
          <Button icon="down" className="shadow-lg" onClick={toEnd}>
            Follow
          </Button>
        </div>
      )}
    </div>
  );
}

function commandOf(row: TabProps["log"]["rows"][number], log: TabProps["log"]) {
  if (row.kind !== "call" && row.kind !== "command") return undefined;
  return row.commandId ? log.commands.get(row.commandId) : undefined;
}

/** Keeps the page at its end while `moving`, unless the reader went elsewhere. */
function useFollow(version: number, moving: boolean): { away: boolean; toEnd: () => void } {
  const following = useRef(false);
  const [away, setAway] = useState(false);
  const toEnd = () => {
    following.current = true;
    window.scrollTo({ top: document.documentElement.scrollHeight });
  };
  useEffect(() => {
    const look = () => {
      const left = document.documentElement.scrollHeight - window.scrollY - window.innerHeight;
      following.current = window.scrollY > 0 && left < AT_END;
      setAway(left >= AT_END);
    };
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new event may make the page longer
  useLayoutEffect(() => {
    const { scrollHeight } = document.documentElement;
    if (moving && following.current) window.scrollTo({ top: scrollHeight });
    else setAway(scrollHeight - window.scrollY - window.innerHeight >= AT_END);
  }, [version]);
  return { away: away && moving, toEnd };
}
