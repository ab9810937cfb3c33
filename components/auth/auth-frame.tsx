import type { ReactNode } from "react";

/** The frame of the pages that a stranger sees. */
export function AuthFrame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="flex min-h-dvh flex-col items-center px-4 pt-[16vh] pb-10">
      <div className="w-full max-w-sm">
        <div className="flex items-center gap-2 text-base font-semibold tracking-tight">
          <svg viewBox="0 0 32 32" aria-hidden="true" className="size-6">
            <rect width="32" height="32" rx="7" className="fill-accent" />
            <path d="M8 24V13l6 4v-4l6 4V8h4v16z" className="fill-on-accent" />
          </svg>
          Fabrica
        </div>
        <h1 className="mt-8 mb-5 text-xl font-semibold tracking-tight">{title}</h1>
        {children}
      </div>
    </main>
  );
}
