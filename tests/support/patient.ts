import { NotYet } from "@/server/domain/step-outcome";

/**
 * Takes a step again while all that it waits for is a command, as the engine does: on a busy machine one may take
 * longer than a step watches it. Everything else that the step throws is passed on.
 */
export async function patiently<T>(step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof NotYet && error.on.kind === "command")) throw error;
    }
  }
}
