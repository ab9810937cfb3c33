// The event streams that this process holds open: how many of each user, and how to end them all.
// An open stream would keep a stopping server alive.
import { AppError } from "../../domain/errors";
import { processWide } from "../../process-wide";

export const STREAMS_PER_USER = 32;

interface OpenStreams {
  perUser: Map<string, number>;
  closers: Set<() => void>;
  closing: boolean;
}

const open = processWide<OpenStreams>("open-streams", () => ({
  perUser: new Map(),
  closers: new Set(),
  closing: false,
}));

/**
 * Counts a stream in.
 * @param close ends it
 * @returns counts it out again; may be called more than once
 * @throws AppError `rate_limited` when the user has too many, `unavailable` when the server is stopping
 */
export function countStream(user: string, close: () => void): () => void {
  const { perUser, closers, closing } = open;
  if (closing) throw new AppError("unavailable", "The server is stopping. Connect again shortly.", 2);
  const count = perUser.get(user) ?? 0;
  if (count >= STREAMS_PER_USER) {
    throw new AppError(
      "rate_limited",
      `At most ${STREAMS_PER_USER} streams of one user are open at a time.`,
      10,
    );
  }
  perUser.set(user, count + 1);
  closers.add(close);
  return () => {
    if (!closers.delete(close)) return;
    const left = (perUser.get(user) ?? 1) - 1;
    if (left > 0) perUser.set(user, left);
    else perUser.delete(user);
  };
}

/** Ends all streams and takes no more. */
export function closeAllStreams(): void {
  open.closing = true;
  for (const close of [...open.closers]) close();
}
