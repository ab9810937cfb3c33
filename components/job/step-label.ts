import type { Step } from "@/server/domain/steps";

/** How the steps are called on pages. */
export const STEP_LABEL: Record<Step, string> = {
  setup: "Set up",
  plan: "Plan",
  generate: "Write code",
  testgen: "Write tests",
  lint: "Lint",
  test: "Test",
  fix: "Fix",
  bundle: "Deploy bundle",
  review: "Review",
  verify: "Verify",
  judge: "Judge",
  qa: "QA",
  gates: "Gates",
  evidence: "Evidence",
  deliver: "Deliver",
  learn: "Learn",
};
