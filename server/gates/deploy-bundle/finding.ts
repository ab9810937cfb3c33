// What is wrong with a deploy bundle, in the form in which all checks say it, and what the rules are given. Pure.

export interface BundleFinding {
  criterion: string;
  /** Path in the workspace. */
  file: string;
  /** From 1; 0 when it is about the whole file. */
  line: number;
  expected: string;
  observed: string;
}

export interface BundleFile {
  /** Path in the workspace. */
  path: string;
  /** Path in the folder of the bundle. */
  name: string;
  /** Bytes. */
  size: number;
  executable: boolean;
  /** Null when it is no text, or too large to be read. */
  text: string | null;
}

export interface Bundle {
  files: readonly BundleFile[];
  /** Folder of the bundle in the workspace. */
  folder: string;
  /** All files of the workspace. */
  workspace: ReadonlySet<string>;
}

/** Collects findings about one file. */
export class Findings {
  readonly all: BundleFinding[] = [];

  constructor(
    private readonly file: string,
    private readonly criterion: string,
  ) {}

  add(line: number, expected: string, observed: string): void {
    this.all.push({
      criterion: this.criterion,
      file: this.file,
      line,
      expected,
      observed: observed.slice(0, 300).toWellFormed(),
    });
  }
}
