// Reads the header of a git bundle by our own rules, before git sees a byte of it.
// Format: https://git-scm.com/docs/gitformat-bundle (version 2 only, exactly one ref).
import { WorkspaceRefused } from "./refusal";

const SIGNATURE = "# v2 git bundle";
const MAX_LINES = 16;
const MAX_HEADER_BYTES = 16 * 1024;

export interface BundleHeader {
  /** The commit that the bundle's one ref names. */
  tip: string;
  /** Commits that must be here already. */
  prerequisites: string[];
  /** Where the pack begins, in bytes. */
  length: number;
}

/**
 * Parses the header at the start of `bytes`; null when it is not complete yet.
 * @throws WorkspaceRefused when it can never become a header that we accept
 */
export function parseBundleHeader(bytes: Buffer): BundleHeader | null {
  const start = bytes.subarray(0, SIGNATURE.length + 1).toString("latin1");
  if (!`${SIGNATURE}\n`.startsWith(start))
    throw new WorkspaceRefused(["The upload is not a version 2 git bundle."]);
  const end = bytes.indexOf("\n\n");
  if (end < 0) {
    if (bytes.length > MAX_HEADER_BYTES)
      throw new WorkspaceRefused(["The header of the bundle is too long."]);
    return null;
  }
  if (end > MAX_HEADER_BYTES) throw new WorkspaceRefused(["The header of the bundle is too long."]);
  const lines = bytes.subarray(0, end).toString("latin1").split("\n").slice(1);
  if (lines.length > MAX_LINES) throw new WorkspaceRefused(["The header of the bundle has too many lines."]);
  const prerequisites: string[] = [];
  const tips: string[] = [];
  for (const line of lines) {
    const prerequisite = /^-([0-9a-f]{40})(?: .*)?$/.exec(line)?.[1];
    const tip = /^([0-9a-f]{40}) [\x21-\x7e]{1,200}$/.exec(line)?.[1];
    if (prerequisite && tips.length === 0) prerequisites.push(prerequisite);
    else if (tip) tips.push(tip);
    else throw new WorkspaceRefused(["The header of the bundle has a line that means nothing."]);
  }
  const [tip] = tips;
  if (!tip || tips.length !== 1)
    throw new WorkspaceRefused([`The bundle must name one ref; it names ${tips.length}.`]);
  return { tip, prerequisites, length: end + 2 };
}
