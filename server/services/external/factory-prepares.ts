// What the factory does for a job before an external agent may have it: a plan that a person reads, and tests that the
// agent never sees.
import type { Role } from "../../domain/roles";
import type { Job } from "../../generated/prisma/client";
import { modelFor } from "../../models/choose-model";

/** What of a job decides it. */
type Asked = { models: unknown } & Pick<Job, "approvePlan" | "holdBackTests">;

/**
 * Whether the factory's tester writes tests that are held back from the external agent. A simulated tester knows the
 * projects of the simulation alone, and would reject the work of anybody else.
 */
export function holdsBackFromExternal({ holdBackTests, models }: Omit<Asked, "approvePlan">): boolean {
  // Written only through the inputs, which know roles and choices.
  return (
    holdBackTests && modelFor("tester", models as Partial<Record<Role, string>>).provider !== "simulation"
  );
}

/** Whether the factory has something to do before the external agent may begin. */
export const factoryPrepares = (asked: Asked): boolean => asked.approvePlan || holdsBackFromExternal(asked);
