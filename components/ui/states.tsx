// What a list shows when it has nothing, not yet, or an error.
import type { ReactNode } from "react";
import { readFault } from "@/components/api/fault";
import { Button } from "./button";
import { cx } from "./cx";
import { Icon, type IconName } from "./icons";

/** Says why a place is empty and what to do next; `children` is the button that does it. */
export function Empty({
  icon,
  title,
  text,
  children,
}: {
  icon: IconName;
  title: string;
  text?: string;
  children?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center gap-2 px-4 py-14 text-center">
      <Icon name={icon} className="size-6 text-faint" />
      <p className="font-medium">{title}</p>
      {text && <p className="max-w-[60ch] text-muted">{text}</p>}
      {children && <div className="mt-3 flex flex-wrap justify-center gap-2">{children}</div>}
    </div>
  );
}

/** An error in plain words, with the id to report and a way to try again. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const fault = readFault(error);
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-md border border-bad/40 bg-bad/5 px-3 py-2"
    >
      <Icon name="warning" className="text-bad" />
      <div className="min-w-0 flex-1">
        <p>{fault.text}</p>
        {fault.requestId && <p className="text-xs text-muted">Request {fault.requestId}</p>}
      </div>
      {onRetry && (
        <Button icon="again" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** A grey bar in the place of a text that is on its way. */
export function Bone({ className }: { className?: string }) {
  return <span aria-hidden="true" className={cx("shimmer block h-3 rounded bg-line", className)} />;
}

/** Rows of grey bars, as high as the rows that will come. */
export function BoneRows({ rows, label }: { rows: number; label: string }) {
  return (
    <div role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, i) => i).map((row) => (
        <div key={row} className="flex h-12 items-center gap-4 border-b hairline px-1">
          <Bone className="w-24" />
          <Bone className={row % 2 ? "w-2/5" : "w-1/2"} />
        </div>
      ))}
    </div>
  );
}
