// What a simulated role gives for one turn: some words and the calls it wants, before they are cut to size.
export interface PlannedCall {
  name: string;
  input: Record<string, unknown>;
}

export interface PlannedAnswer {
  text: string;
  calls: PlannedCall[];
}

/** An answer that ends the run, once the calls before `finish` went well. */
export function finish(
  text: string,
  input: Record<string, unknown>,
  before: PlannedCall[] = [],
): PlannedAnswer {
  return { text, calls: [...before, { name: "finish", input }] };
}

/** The call that writes a whole file. */
export function write(path: string, content: string): PlannedCall {
  return { name: "write", input: { path, content } };
}
