"use client";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/states";

/** Shown in the place of a page that could not be drawn; the frame around it stays. */
export default function PageError({
  error,
  reset,
}: {
  error: Error & { digest?: string };
  reset: () => void;
}) {
  return (
    <Empty
      icon="warning"
      title="This page could not be shown"
      text={error.digest ? `Report it with the id ${error.digest}.` : "Trying again may help."}
    >
      <Button icon="again" onClick={reset}>
        Try again
      </Button>
    </Empty>
  );
}
