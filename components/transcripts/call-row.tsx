"use client";
// A tool call as one line: which tool, on what. Opened, it shows its arguments and what the agent saw of it.
import { TextView } from "@/components/job/output-view";
import { TOOL_ICON } from "@/components/job/tool-icon";
import { Icon } from "@/components/ui/icons";
import type { TurnView } from "@/server/domain/transcripts";
import { argumentsOf, callSubject } from "./call-arguments";
import { Folded, TextBlock } from "./folded";

interface Props {
  call: TurnView["calls"][number];
  result: TurnView["results"][number] | undefined;
  /** Its turn is not finished yet. */
  pending: boolean;
  openAll: boolean;
}

export function CallRow({ call, result, pending, openAll }: Props) {
  const subject = callSubject(call.input);
  return (
    <Folded
      open={openAll}
      label={
        <>
          <Icon
            name={TOOL_ICON[call.tool] ?? "terminal"}
            className="mr-2 inline-block align-[-0.2em] text-faint"
          />
          <span className="font-mono text-xs">
            {call.tool}
            {subject && <span className="text-ink"> {subject}</span>}
          </span>
        </>
      }
      detail={<End result={result} pending={pending} />}
    >
      <Arguments input={call.input} />
      {result ? (
        <section aria-label="What the agent saw" className="border-t hairline first:border-t-0">
          <p className="px-3 pt-1.5 text-xs text-faint">{result.ok ? "Result" : "Refused or failed"}</p>
          <TextView text={result.content} />
        </section>
      ) : (
        <p className="border-t hairline px-3 py-2 text-xs text-faint first:border-t-0">
          {pending ? "Not carried out yet." : "No result is kept."}
        </p>
      )}
    </Folded>
  );
}

function End({ result, pending }: Pick<Props, "result" | "pending">) {
  if (result) return result.ok ? null : <span className="text-bad">failed</span>;
  return pending ? <span className="text-run">running</span> : null;
}

function Arguments({ input }: { input: unknown }) {
  const { short, long } = argumentsOf(input);
  return (
    <>
      {short.length > 0 && (
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 px-3 py-1.5 text-xs">
          {short.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-faint">{name}</dt>
              <dd className="font-mono wrap-anywhere">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {long.map(([name, value]) => (
        <section key={name} aria-label={name} className="border-t hairline first:border-t-0">
          <p className="px-3 pt-1.5 text-xs text-faint">{name}</p>
          <TextBlock text={value} />
        </section>
      ))}
    </>
  );
}
