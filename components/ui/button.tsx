// Buttons and links that look like buttons. One primary action a screen.
import Link from "next/link";
import type { ComponentProps, ReactNode } from "react";
import { cx } from "./cx";
import { Icon, type IconName } from "./icons";

export type ButtonKind = "primary" | "plain" | "quiet" | "danger";

const LOOK: Record<ButtonKind, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  plain: "border border-edge/60 bg-raised text-ink hover:bg-sunken",
  quiet: "text-muted hover:bg-sunken hover:text-ink",
  danger: "border border-bad/60 bg-raised text-bad hover:bg-bad/10",
};

function buttonClass(kind: ButtonKind, className?: string): string {
  return cx(
    "inline-flex h-9 shrink-0 items-center justify-center gap-1.5 rounded-md px-3 font-medium whitespace-nowrap",
    "transition-colors duration-150 disabled:cursor-not-allowed disabled:opacity-55",
    LOOK[kind],
    className,
  );
}

interface Shared {
  kind?: ButtonKind;
  icon?: IconName;
  children?: ReactNode;
}

export function Button({
  kind = "plain",
  icon,
  children,
  className,
  ...rest
}: Shared & ComponentProps<"button">) {
  return (
    <button type="button" {...rest} className={buttonClass(kind, className)}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export function ButtonLink({
  kind = "plain",
  icon,
  children,
  className,
  ...rest
}: Shared & ComponentProps<typeof Link>) {
  return (
    <Link {...rest} className={buttonClass(kind, className)}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}

/** A square button whose name is only heard and shown on hover. */
export function IconButton({
  icon,
  label,
  className,
  ...rest
}: { icon: IconName; label: string } & ComponentProps<"button">) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      className={cx(
        "inline-flex size-9 shrink-0 items-center justify-center rounded-md text-muted hover:bg-sunken hover:text-ink",
        className,
      )}
    >
      <Icon name={icon} />
    </button>
  );
}
