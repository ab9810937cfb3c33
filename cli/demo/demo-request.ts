/** What the demo asks for when nobody says otherwise: small, attractive, and done within a minute. */

/** The body of a job as the API takes it. */
export interface DemoRequest {
  title: string;
  description: string;
  features: string[];
  tech_stack: string;
  type?: string;
  /** Models by role; the default model where absent. */
  models?: Record<string, string>;
}

const MAX_TITLE_CHARS = 80;

/** The simulated coder gets the second task wrong once, so that a newcomer sees a failing test and its fix. */
export const ERRING_CODER = { coder: "simulation/sim-1+test@2" };

const DEFAULT_REQUEST: Omit<DemoRequest, "tech_stack"> = {
  title: "Reading list API",
  description:
    "A small REST API for a reading list: books with author and pages, reading progress, and a summary " +
    "of what is read and what is left. Input is validated, errors are plain JSON.",
  features: ["CRUD books", "Reading progress", "Summary"],
  type: "api",
};

/** Builds the request; a text of the user becomes title and description. */
export function demoRequest(text: string | undefined, stack: string): DemoRequest {
  if (!text?.trim()) return { ...DEFAULT_REQUEST, tech_stack: stack };
  const wish = text.trim();
  const title = wish.split("\n")[0]?.trim() ?? wish;
  return {
    title: title.length > MAX_TITLE_CHARS ? `${title.slice(0, MAX_TITLE_CHARS - 1)}…` : title,
    description: wish,
    features: [],
    tech_stack: stack,
  };
}
