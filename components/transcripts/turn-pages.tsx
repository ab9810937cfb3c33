"use client";
// The turns of an agent run in pages of twenty. A page is fetched when its place comes near the screen, or when a turn
// of it was asked for; until then something about as high stands there.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTRPC } from "@/components/api/trpc";
import { Bone, ErrorNote } from "@/components/ui/states";
import type { AgentRunView, TurnPage } from "@/server/domain/transcripts";
import type { ModelNote } from "./model-notes";
import { TurnCard } from "./turn-card";

export const PAGE_TURNS = 20;
/** How much earlier than it is seen a page is fetched, in pixels. */
const NEAR = "800px";

interface Props {
  id: string;
  agent: AgentRunView;
  /** The first page, which is there already. */
  first: TurnPage;
  wanted: number | null;
  notes: readonly ModelNote[];
  openAll: boolean;
}

export function TurnPages(props: Props) {
  const { agent, first, wanted } = props;
  const count = Math.max(1, Math.ceil(agent.turns / PAGE_TURNS));
  if (first.turns.length === 0) return null;
  return (
    <>
      {Array.from({ length: count }, (_, page) => page).map((page) => (
        <OnePage
          key={page}
          {...props}
          page={page}
          needed={page === 0 || (wanted !== null && Math.floor((wanted - 1) / PAGE_TURNS) === page)}
        />
      ))}
    </>
  );
}

function OnePage({
  id,
  agent,
  wanted,
  notes,
  openAll,
  page,
  needed,
}: Props & { page: number; needed: boolean }) {
  const trpc = useTRPC();
  const { ref, near } = useNear<HTMLDivElement>();
  const { run, agent_run: key } = agent;
  const asked = { id, key, run, cursor: page * PAGE_TURNS, limit: PAGE_TURNS };
  const turns = useQuery({ ...trpc.transcripts.turns.queryOptions(asked), enabled: needed || near });
  const from = page * PAGE_TURNS + 1;
  const to = Math.min(agent.turns, from + PAGE_TURNS - 1);
  if (turns.isError) return <ErrorNote error={turns.error} onRetry={() => turns.refetch()} />;
  if (!turns.data)
    return (
      <div
        ref={ref}
        role="status"
        aria-label={`Turns ${from} to ${to} are being fetched`}
        className="min-h-[120rem] border-t hairline pt-4"
      >
        <Bone className="w-2/5" />
      </div>
    );
  return (
    <div>
      {turns.data.turns.map((turn) => (
        <TurnCard
          key={turn.turn}
          turn={turn}
          agent={agent}
          notes={notes.filter((note) => note.turn === turn.turn)}
          wanted={turn.turn === wanted}
          openAll={openAll}
        />
      ))}
    </div>
  );
}

/** Whether the element has come near the screen; it stays so. */
function useNear<T extends Element>(): { ref: React.RefObject<T | null>; near: boolean } {
  const ref = useRef<T>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (!ref.current) return;
    const watch = new IntersectionObserver(
      (seen) => seen.some((one) => one.isIntersecting) && setNear(true),
      {
        rootMargin: `${NEAR} 0px`,
      },
    );
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  return { ref, near };
}
