// Waiting for a row to become what one wants, without polling and without holding a connection.
import { listener } from "./listen";

export interface Wait {
  /** How long at most, in milliseconds. */
  waitMs: number;
  /** Ends the waiting early. */
  signal?: AbortSignal;
  /** Looks at a notification's payload; the attempt is repeated only when it wants it. */
  wants?: (payload: string) => boolean;
}

/**
 * Repeats `attempt` whenever `channel` says that something may have changed, until it gives a value or time is over.
 * @returns the value, or null when `waitMs` passed or `signal` was aborted
 */
export async function waitFor<T>(
  channel: string,
  attempt: () => Promise<T | null>,
  { waitMs, signal, wants = () => true }: Wait,
): Promise<T | null> {
  if (waitMs <= 0) return attempt();
  const deadline = Date.now() + waitMs;
  // The first look comes after the subscription, so that nothing falls between the two.
  let woken = true;
  let wake: () => void = () => undefined;
  const rouse = () => {
    woken = true;
    wake();
  };
  const unsubscribe = await listener().subscribe(channel, {
    notify: (payload) => {
      if (wants(payload)) rouse();
    },
    resumed: rouse,
  });
  signal?.addEventListener("abort", rouse, { once: true });
  try {
    for (;;) {
      if (signal?.aborted) return null;
      if (woken) {
        woken = false;
        const value = await attempt();
        if (value !== null) return value;
        continue;
      }
      const left = deadline - Date.now();
      if (left <= 0) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    signal?.removeEventListener("abort", rouse);
    unsubscribe();
  }
}
