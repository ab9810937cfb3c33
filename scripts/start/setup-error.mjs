/** What a person can act on: one sentence about what is wrong, one about the way out. */
export class SetupError extends Error {
  constructor(problem, remedy, options) {
    super(`${problem}\n${remedy}`, options);
    this.name = "SetupError";
  }
}
