// Takes apart what `git cat-file --batch` answers, while it comes: "<oid> blob <size>\n<content>\n" each.
import type { Readable } from "node:stream";
import { GitError } from "./git";

/**
 * The contents of the blobs that were asked for, in the order of the questions.
 * @throws GitError when one is missing, is no blob, or the answer is cut off
 */
export async function* readObjects(output: Readable): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let have = 0;
  let size: number | null = null;
  let needed = 1;
  for await (const chunk of output) {
    chunks.push(chunk as Buffer);
    have += (chunk as Buffer).length;
    if (have < needed) continue;
    let buffer = Buffer.concat(chunks);
    for (;;) {
      if (size === null) {
        const line = buffer.indexOf("\n");
        if (line < 0) break;
        size = blobSize(buffer.subarray(0, line).toString("latin1"));
        buffer = buffer.subarray(line + 1);
      }
      if (buffer.length < size + 1) break;
      yield buffer.subarray(0, size);
      buffer = buffer.subarray(size + 1);
      size = null;
    }
    chunks = [buffer];
    have = buffer.length;
    needed = size === null ? have + 1 : size + 1;
  }
  if (size !== null || have > 0)
    throw new GitError("failed", "cat-file", null, null, "the answer was cut off");
}

function blobSize(header: string): number {
  const size = /^[0-9a-f]{40} blob (\d+)$/.exec(header)?.[1];
  if (size === undefined) throw new GitError("failed", "cat-file", null, null, "an object is missing");
  return Number(size);
}
