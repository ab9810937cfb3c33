/**
 * The one error a person sees when Fabrica cannot start: what is wrong and what to do about it.
 */
export class LauncherError extends Error {
  /** @param problem one plain sentence. @param remedy the way out, as a person would type or do it. */
  constructor(
    readonly problem: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(`${problem} ${remedy}`, options);
    this.name = "LauncherError";
  }
}
