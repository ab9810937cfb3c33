// What a job needs of the worker that takes it, and what workers offer: one word each, compared as it is.

/** Who does a job's work. */
export const AGENTS = ["factory", "external"] as const;
export type Agent = (typeof AGENTS)[number];

/** A sandbox as every runner makes it. */
export const ANY_RUNNER = "runner";
/** An external agent, which does the whole job itself. */
export const EXTERNAL_AGENT = "agent";
const IMAGE = "image:";

/** @param image name of a container image, null for the runner's own */
export function needsOf(agent: Agent, image: string | null): string {
  if (agent === "external") return EXTERNAL_AGENT;
  return image === null ? ANY_RUNNER : `${IMAGE}${image}`;
}

/** The image that a need names, else null. */
export function imageOf(needs: string): string | null {
  return needs.startsWith(IMAGE) ? needs.slice(IMAGE.length) : null;
}

/** The reverse of {@link needsOf}. */
export const agentOf = (needs: string): Agent => (needs === EXTERNAL_AGENT ? "external" : "factory");

/** What a runner's workers offer. @param images that its sandboxes may be made of besides its own */
export function offersOfRunner(images: readonly string[]): string[] {
  return [ANY_RUNNER, ...new Set(images.map((image) => `${IMAGE}${image}`))];
}
