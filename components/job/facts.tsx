import type { ReactNode } from "react";

/** A row of named values that wraps. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="mt-3 flex flex-wrap gap-x-8 gap-y-3">{children}</dl>;
}

export function Fact({ label, detail, children }: { label: string; detail?: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-faint">{label}</dt>
      <dd className="tabular-nums">
        {children}
        {detail && <span className="ml-1.5 text-xs text-faint">{detail}</span>}
      </dd>
    </div>
  );
}
