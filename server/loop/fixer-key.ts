/** Names the fixer of a round of a task; a second one follows one that was stuck. */
export const fixerKey = (n: number, round: number, again = false): string =>
  `task-${n}/fix-${round}${again ? "-again" : ""}`;
