"use client";
// The frame of every page: the rail on the left (a drawer on narrow screens), the note about simulation, the page.
import { usePathname } from "next/navigation";
import { type ReactNode, useEffect, useRef } from "react";
import { TeamLive } from "@/components/live/team-live";
import { IconButton } from "@/components/ui/button";
import { Notices } from "@/components/ui/notices";
import { CommandPalette, openPalette } from "./command-palette";
import { Brand, RailContent } from "./rail";
import { SimulationStrip } from "./simulation-strip";

export function Shell({ children }: { children: ReactNode }) {
  const drawer = useRef<HTMLDialogElement>(null);
  const path = usePathname();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the page changes
  useEffect(() => drawer.current?.close(), [path]);
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[13.5rem_minmax(0,1fr)]">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-accent focus:px-3 focus:py-2 focus:text-on-accent"
      >
        Skip to the page
      </a>
      <div className="sticky top-0 hidden h-dvh flex-col border-r hairline px-3 py-4 lg:flex">
        <RailContent />
      </div>
      <div className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b hairline bg-ground px-2 lg:hidden">
        <IconButton icon="menu" label="Open the menu" onClick={() => drawer.current?.showModal()} />
        <Brand />
        <span className="flex-1" />
        <IconButton icon="search" label="Search pages and jobs" onClick={openPalette} />
      </div>
      <dialog
        ref={drawer}
        aria-label="Menu"
        className="m-0 h-dvh max-h-none w-72 max-w-[85vw] bg-ground px-3 py-4 text-ink open:flex open:flex-col"
        onClick={(event) => event.target === event.currentTarget && drawer.current?.close()}
        onKeyDown={(event) => event.key === "Escape" && drawer.current?.close()}
      >
        <RailContent />
      </dialog>
      <div className="min-w-0">
        <SimulationStrip />
        <main id="main" tabIndex={-1} className="px-4 py-6 outline-none sm:px-6 lg:px-8">
          {children}
        </main>
      </div>
      <CommandPalette />
      <TeamLive />
      <Notices />
    </div>
  );
}
