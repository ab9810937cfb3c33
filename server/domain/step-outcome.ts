// What a step body may come to besides a value. Bodies are written straight down; what they cannot have yet they
// throw, and they are run again from the top when it is there: everything they did is found by its key.

/** The body needs something that is not there yet. */
export class NotYet extends Error {
  constructor(
    /** `command`: until it is finished. `paused`: until the job goes on. `later`: after `ms`. */
    readonly on: { kind: "command"; command: string } | { kind: "paused" } | { kind: "later"; ms: number },
  ) {
    super(`waits: ${on.kind}`);
    this.name = "NotYet";
  }
}

/** The job ends as failed; `message` is shown to people. */
export class GiveUp extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "GiveUp";
  }
}

/** The job needs a person: it is escalated with this reason. */
export class Stuck extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Stuck";
  }
}

/** What is done may not be delivered: the job is escalated with this reason. */
export class Refused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Refused";
  }
}

/** This run of the job is over, by whomever: the function leaves. */
export class Ended extends Error {
  constructor() {
    super("this run of the job is over");
    this.name = "Ended";
  }
}

/** Small enough to travel with every call of the engine. */
export type StepOutcome<T> =
  | { s: "done"; v: T }
  | { s: "command"; command: string }
  | { s: "paused" }
  | { s: "later"; ms: number }
  | { s: "ended" };
