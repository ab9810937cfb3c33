import { NotYet } from "@/server/domain/step-outcome";

/** More often than any step of a test has to wait. */
const TRIES = 50;

/**
 * Takes a step as the engine does: again from the top until it has a value.
 * @throws whatever the step throws that is not "not yet"
 */
export async function driveStep<T>(step: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof NotYet)) throw error;
    }
  }
  throw new Error("The step never came to its end.");
}
