"use client";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { useMe } from "@/components/api/use-me";
import { LiveDot } from "@/components/live/live-dot";
import { ButtonLink, IconButton } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";
import { Bone } from "@/components/ui/states";
import { openPalette } from "./command-palette";
import { isWithin, PLACES } from "./places";

export function Brand() {
  return (
    <Link href="/" className="flex h-9 items-center gap-2 px-2 text-base font-semibold tracking-tight">
      <svg viewBox="0 0 32 32" aria-hidden="true" className="size-5">
        <rect width="32" height="32" rx="7" className="fill-accent" />
        <path d="M8 24V13l6 4v-4l6 4V8h4v16z" className="fill-on-accent" />
      </svg>
      Fabrica
    </Link>
  );
}

/** Navigation, account and state of the connection; the same in the rail and in the drawer. */
export function RailContent() {
  const path = usePathname();
  return (
    <>
      <Brand />
      <ButtonLink href="/jobs/new" kind="primary" icon="plus" className="mt-4">
        New job
      </ButtonLink>
      <button
        type="button"
        onClick={openPalette}
        className="mt-2 flex h-9 items-center gap-2 rounded-md border hairline px-2.5 text-muted hover:bg-sunken"
      >
        <Icon name="search" />
        <span className="flex-1 text-left">Search</span>
        <kbd className="font-sans text-xs text-faint">Ctrl K</kbd>
      </button>
      <nav aria-label="Pages" className="mt-4 flex-1">
        <ul className="flex flex-col gap-0.5">
          {PLACES.map((place) => {
            const here = isWithin(path, place.href);
            return (
              <li key={place.href}>
                <Link
                  href={place.href}
                  aria-current={here ? "page" : undefined}
                  className={cx(
                    "flex h-9 items-center gap-2.5 rounded-md px-2.5",
                    here ? "bg-sunken font-medium text-ink" : "text-muted hover:bg-sunken hover:text-ink",
                  )}
                >
                  <Icon name={place.icon} />
                  {place.label}
                </Link>
              </li>
            );
          })}
          <li>
            <a
              href="/docs"
              className="flex h-9 items-center gap-2.5 rounded-md px-2.5 text-muted hover:bg-sunken hover:text-ink"
            >
              <Icon name="docs" />
              API reference
            </a>
          </li>
        </ul>
      </nav>
      <div className="px-2.5 pb-2">
        <LiveDot />
      </div>
      <Account />
    </>
  );
}

function Account() {
  const me = useMe();
  const leave = async () => {
    const { signOut } = await import("next-auth/react");
    await signOut({ callbackUrl: "/sign-in" });
  };
  return (
    <div className="flex h-14 items-center gap-2 border-t hairline pt-2 pl-2.5">
      <div className="min-w-0 flex-1">
        {me ? (
          <>
            <p className="truncate font-medium" title={me.email}>
              {me.username}
            </p>
            <p className="truncate text-xs text-faint">
              {me.team} · {me.role}
            </p>
          </>
        ) : (
          <Bone className="w-24" />
        )}
      </div>
      <IconButton icon="out" label="Sign out" onClick={leave} />
    </div>
  );
}
