// Paths in a bundle that must not lead out of it. Pure.

/** A drive, a home, a variable, an address or a pattern: anything that is not plainly a path of files below. */
const NOT_PLAIN = /^[/~\\]|^[A-Za-z]:|[$\\*?\p{Cc}]|:\/\//u;

/** Why a path is not one below the folder that it is read from; null when it is. */
export function ownPathProblem(path: string): string | null {
  if (path === "" || NOT_PLAIN.test(path)) return "is not a plain path below the folder of the bundle";
  return path.split("/").includes("..") ? "leads out of the folder of the bundle" : null;
}

/**
 * A path from a folder of the workspace, which may climb up but not out.
 * @param folder path in the workspace, "" for its root
 * @returns the path in the workspace, "" for its root; null when it leads out
 */
export function pathInWorkspace(folder: string, path: string): string | null {
  if (NOT_PLAIN.test(path)) return null;
  const parts = folder === "" ? [] : folder.split("/");
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join("/");
}
