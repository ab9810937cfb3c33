"use client";
import { useSyncExternalStore } from "react";
import { CopyButton } from "@/components/ui/copy-button";

const nothing = () => () => undefined;

/** How another machine joins. */
export function AddRunner() {
  const origin = useSyncExternalStore(
    nothing,
    () => window.location.origin,
    () => "http://localhost:9000",
  );
  const command = `FABRICA_URL=${origin} FABRICA_RUNNER_TOKEN=<token> npm start -- --only runner --workers 2`;
  return (
    <section className="mt-10 max-w-3xl">
      <h2 className="font-semibold">Add a runner</h2>
      <p className="mt-1 mb-3 text-muted">
        On a machine with Node 20.19 or newer and Docker, clone the project and start a runner. It holds no
        model key and no database connection. The token is the value of{" "}
        <code className="font-mono text-xs">runner</code> in{" "}
        <code className="font-mono text-xs">secrets.json</code> of the data directory, or{" "}
        <code className="font-mono text-xs">FABRICA_RUNNER_TOKEN</code> where you set one.
      </p>
      <div className="flex flex-wrap items-start gap-2">
        <pre className="min-w-0 flex-1 rounded-md border hairline bg-sunken px-3 py-2 font-mono text-xs leading-5 whitespace-pre-wrap wrap-anywhere">
          {command}
        </pre>
        <CopyButton text={command} />
      </div>
    </section>
  );
}
