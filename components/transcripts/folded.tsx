"use client";
// Long text that is drawn only when somebody wants to read it, and then not more of it than anybody reads at once.
import { type ReactNode, useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { FoldMark } from "@/components/ui/fold-mark";
import { formatCount } from "@/components/ui/format";

/** A line that opens. What is inside is made only then. */
export function Folded({
  label,
  detail,
  open: wanted = false,
  children,
}: {
  label: ReactNode;
  detail?: ReactNode;
  /** Open until it is closed by hand. */
  open?: boolean;
  children: ReactNode;
}) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const id = useId();
  const open = chosen ?? wanted;
  return (
    <div>
      <button
        type="button"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setChosen(!open)}
        className="-mx-1 flex min-h-8 max-w-full items-center gap-2 rounded px-1 text-left text-muted hover:bg-sunken"
      >
        <FoldMark open={open} className="size-3 text-faint" />
        <span className="min-w-0 truncate">{label}</span>
        {detail && <span className="shrink-0 text-xs text-faint tabular-nums">{detail}</span>}
      </button>
      {open && (
        <div id={id} className="mt-0.5 mb-2 overflow-hidden rounded-md border hairline bg-sunken/60">
          {children}
        </div>
      )}
    </div>
  );
}

const FIRST_SHOWN = 20_000;

/** Text as it is, from its beginning. */
export function TextBlock({ text, prose = false }: { text: string; prose?: boolean }) {
  const [whole, setWhole] = useState(false);
  const left = text.length - FIRST_SHOWN;
  return (
    <>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keys
        tabIndex={0}
        className={cx(
          "max-h-[28rem] overflow-auto px-3 py-2 whitespace-pre-wrap wrap-anywhere",
          prose ? "font-sans" : "font-mono text-xs leading-[1.15rem]",
        )}
      >
        {whole || left <= 0 ? text : text.slice(0, FIRST_SHOWN).toWellFormed()}
      </pre>
      {!whole && left > 0 && (
        <div className="border-t hairline px-3 py-2">
          <Button onClick={() => setWhole(true)}>Show {formatCount(left, "more character")}</Button>
        </div>
      )}
    </>
  );
}
