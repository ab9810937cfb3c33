// The commands of a project, and what is run where none is said.
import type { DetectedProject } from "@/server/domain/project";

export const COMMANDS = [
  { field: "setup_command", label: "Set-up command", short: "Set up" },
  { field: "lint_command", label: "Lint command", short: "Lint" },
  { field: "test_command", label: "Test command", short: "Test" },
] as const;

export type CommandName = (typeof COMMANDS)[number]["field"];

/** What it means that a look proposed no command of this name. */
export function meaningOfNone(name: CommandName, { tech_stack }: DetectedProject): string {
  if (name === "setup_command") return "None is needed";
  return tech_stack.length > 0 ? "The technology's usual one" : "None was found";
}
