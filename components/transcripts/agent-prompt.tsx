import { formatCount } from "@/components/ui/format";
import type { TurnPage } from "@/server/domain/transcripts";
import { Folded, TextBlock } from "./folded";

/** What an agent was given at its beginning. */
export function AgentPrompt({ prompt }: { prompt: NonNullable<TurnPage["prompt"]> }) {
  const { system, first, tools, force_tool, max_turns } = prompt;
  return (
    <section aria-label="What it was given" className="mt-3">
      <Folded label="System prompt" detail={sizeOf(system)}>
        <TextBlock text={system} />
      </Folded>
      <Folded label="First message" detail={sizeOf(first)}>
        <TextBlock text={first} />
      </Folded>
      <p className="mt-1 max-w-[80ch] text-xs text-faint">
        {tools.length > 0 && `Tools: ${tools.join(", ")}. `}
        {force_tool && `It had to call ${force_tool}. `}
        At most {formatCount(max_turns, "turn")}. Each question repeats the ones before it with their answers
        and results; what is old is shortened where there would be too much of it.
      </p>
    </section>
  );
}

const sizeOf = (text: string) => formatCount(text.length, "character");
