"use client";
// A change, unified on narrow screens and side by side on very wide ones. Lines are drawn up to a cap.
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { keyed } from "@/components/ui/keyed";
import { useWide } from "@/components/ui/use-wide";
import { type DiffFile, type DiffHunk, type DiffLine, splitHunk } from "./diff";

const LINES_SHOWN = 2000;
/** Room for two columns of code. */
const SIDE_BY_SIDE = "(min-width: 100rem)";

const TINT: Record<DiffLine["kind"], string> = {
  same: "",
  added: "bg-good/12",
  removed: "bg-bad/12",
  remark: "text-faint italic",
};
const SIGN: Record<DiffLine["kind"], string> = { same: " ", added: "+", removed: "−", remark: " " };

export function DiffView({ files, truncated }: { files: DiffFile[]; truncated: boolean }) {
  const [all, setAll] = useState(false);
  const wide = useWide(SIDE_BY_SIDE);
  const lines = files.reduce(
    (sum, file) => sum + file.hunks.reduce((n, hunk) => n + hunk.lines.length, 0),
    0,
  );
  if (files.length === 0) return <p className="text-muted">Nothing changed in this file.</p>;
  return (
    <div className="flex flex-col gap-4">
      {files.map((file) => (
        <div
          key={file.path}
          className="overflow-x-auto rounded-md border hairline font-mono text-xs leading-[1.15rem]"
        >
          {file.binary && <p className="px-3 py-2 font-sans text-muted">A binary file.</p>}
          {keyed(file.hunks).map(({ key, item: hunk }) => {
            const shown = all ? hunk : { ...hunk, lines: hunk.lines.slice(0, LINES_SHOWN) };
            // New files have only one side.
            const split = wide && file.removed > 0;
            return (
              <div key={key} className={cx(key > 0 && "border-t hairline")}>
                {hunk.header && <p className="bg-sunken px-3 py-1 text-faint">{hunk.header}</p>}
                {split ? <SplitLines hunk={shown} /> : <UnifiedLines hunk={shown} />}
              </div>
            );
          })}
        </div>
      ))}
      {!all && lines > LINES_SHOWN && (
        <Button onClick={() => setAll(true)}>Show all {lines.toLocaleString("en")} lines</Button>
      )}
      {truncated && <p className="text-xs text-faint">The change is longer; only its beginning is shown.</p>}
    </div>
  );
}

function LineNumber({ n }: { n: number | null }) {
  return (
    <span aria-hidden="true" className="w-10 shrink-0 pr-2 text-right text-faint select-none">
      {n}
    </span>
  );
}

function UnifiedLines({ hunk }: { hunk: DiffHunk }) {
  return (
    <div className="w-max min-w-full py-1">
      {keyed(hunk.lines).map(({ key, item: line }) => (
        <div key={key} className={cx("flex min-h-[1.15rem]", TINT[line.kind])}>
          <LineNumber n={line.before} />
          <LineNumber n={line.after} />
          <span className="w-4 shrink-0 text-center">{SIGN[line.kind]}</span>
          <span className="pr-4 whitespace-pre">{line.text}</span>
        </div>
      ))}
    </div>
  );
}

function SplitLines({ hunk }: { hunk: DiffHunk }) {
  return (
    <div className="grid grid-cols-2 py-1">
      {keyed(splitHunk(hunk)).map(({ key, item: { left, right } }) => (
        <div key={key} className="col-span-2 grid grid-cols-subgrid">
          <Half line={left} n={left?.before ?? null} />
          <Half line={right} n={right?.after ?? null} />
        </div>
      ))}
    </div>
  );
}

function Half({ line, n }: { line: DiffLine | null; n: number | null }) {
  return (
    <div className={cx("flex min-w-0", line ? TINT[line.kind] : "bg-sunken/60")}>
      <LineNumber n={n} />
      <span className="pr-3 pl-2 whitespace-pre-wrap wrap-anywhere">{line?.text}</span>
    </div>
  );
}
