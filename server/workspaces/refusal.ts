// Why work of a sandbox was not taken in. The text is shown to the model, so that it can mend its files.

/** The bundle or its files break a rule. Nothing was kept; trying the same again is useless. */
export class WorkspaceRefused extends Error {
  constructor(
    /** Plain sentences, at most a dozen, without control characters. */
    readonly reasons: string[],
  ) {
    super(reasons.join(" "));
    this.name = "WorkspaceRefused";
  }
}

/** A path as it may be shown: quoted, cut, and without anything that a terminal or a reader could misread. */
export function shownPath(path: string): string {
  const cut = path.length > 120 ? `${path.slice(0, 120)}…` : path;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
