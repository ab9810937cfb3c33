import Link from "next/link";
import type { ReactNode } from "react";

/** A number with its name; with `href` it leads to the list behind it. */
export function Figure({ label, href, children }: { label: string; href?: string; children: ReactNode }) {
  const inside = (
    <>
      <span className="block text-xs text-faint">{label}</span>
      <span className="block min-h-7 text-lg font-semibold tracking-tight tabular-nums">{children}</span>
    </>
  );
  const place = "block rounded-md px-3 py-2 -mx-3";
  return href ? (
    <Link href={href} className={`${place} hover:bg-sunken`}>
      {inside}
    </Link>
  ) : (
    <div className={place}>{inside}</div>
  );
}

/** Figures side by side. */
export function Figures({ children }: { children: ReactNode }) {
  return (
    <div className="mb-6 grid grid-cols-2 gap-x-8 gap-y-1 border-y hairline py-2 sm:grid-cols-3 xl:grid-cols-6">
      {children}
    </div>
  );
}
