import type { ReactNode } from "react";

/** A titled part of a page or form. */
export function FormSection({
  title,
  note,
  action,
  children,
}: {
  title: string;
  note?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="mb-8" aria-label={title}>
      <div className="mb-4 flex min-h-11 flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b hairline pb-2">
        <div>
          <h2 className="font-semibold">{title}</h2>
          {note && <p className="mt-0.5 text-muted">{note}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}
