// Writes commits of ours. The same input gives the same id.
import { assertObjectId } from "./git";
import { writeObject } from "./write-object";

export const FABRICA = { name: "Fabrica", email: "fabrica@localhost" };

export interface NewCommit {
  tree: string;
  parents: readonly string[];
  message: string;
  /** Time of the commit, in seconds since 1970. */
  seconds: number;
  author?: { name: string; email: string };
}

/** Stores a commit and gives its id. */
export function writeCommit(
  dir: string,
  { tree, parents, message, seconds, author }: NewCommit,
): Promise<string> {
  const person = ({ name, email }: { name: string; email: string }) =>
    `${plain(name)} <${plain(email)}> ${seconds} +0000`;
  const lines = [
    `tree ${assertObjectId(tree)}`,
    ...parents.map((parent) => `parent ${assertObjectId(parent)}`),
    `author ${person(author ?? FABRICA)}`,
    `committer ${person(FABRICA)}`,
  ];
  // NUL would cut the message.
  const text = message.replaceAll("\0", "").trim() || "Work";
  return writeObject(dir, "commit", Buffer.from(`${lines.join("\n")}\n\n${text}\n`));
}

/** A name without what the format of a commit gives a meaning. */
const plain = (name: string) => name.replace(/[<>\n\0]/g, "").trim() || "unknown";
