// Reads a unified diff of git into files, hunks and numbered lines. Pure.

export interface DiffLine {
  kind: "same" | "added" | "removed" | "remark";
  text: string;
  before: number | null;
  after: number | null;
}

export interface DiffHunk {
  header: string;
  lines: DiffLine[];
}

export interface DiffFile {
  path: string;
  hunks: DiffHunk[];
  /** Set when git did not compare the contents. */
  binary: boolean;
  added: number;
  removed: number;
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/;

/** Parses the output of `git diff`; unknown lines of a file's head are passed over. */
export function parseDiff(text: string): DiffFile[] {
  const files: DiffFile[] = [];
  let hunk: DiffHunk | null = null;
  let before = 0;
  let after = 0;
  for (const line of text.split("\n")) {
    const file = files.at(-1);
    if (line.startsWith("diff --git ")) {
      files.push({ path: pathOf(line), hunks: [], binary: false, added: 0, removed: 0 });
      hunk = null;
      continue;
    }
    if (!file) continue;
    const head = HUNK.exec(line);
    if (head) {
      before = Number(head[1]);
      after = Number(head[2]);
      hunk = { header: (head[3] ?? "").trim(), lines: [] };
      file.hunks.push(hunk);
    } else if (!hunk) {
      if (line.startsWith("Binary files ")) file.binary = true;
      if (line.startsWith("+++ b/")) file.path = line.slice(6).replace(/\t$/, "");
    } else if (line.startsWith("+")) {
      hunk.lines.push({ kind: "added", text: line.slice(1), before: null, after: after++ });
      file.added++;
    } else if (line.startsWith("-")) {
      hunk.lines.push({ kind: "removed", text: line.slice(1), before: before++, after: null });
      file.removed++;
    } else if (line.startsWith(" ")) {
      hunk.lines.push({ kind: "same", text: line.slice(1), before: before++, after: after++ });
    } else if (line.startsWith("\\")) {
      hunk.lines.push({ kind: "remark", text: line.slice(2), before: null, after: null });
    }
  }
  return files;
}

/** The new path of `diff --git a/x b/x`; both halves are equal unless the file was renamed. */
function pathOf(line: string): string {
  const names = line.slice("diff --git ".length);
  const half = (names.length - 1) / 2;
  const second = names.slice(half + 1);
  if (names.slice(2, half) === second.slice(2)) return second.slice(2);
  return names.slice(names.lastIndexOf(" b/") + 3);
}

export interface SplitRow {
  left: DiffLine | null;
  right: DiffLine | null;
}

/** Pairs removed with added lines, for two columns side by side. */
export function splitHunk(hunk: DiffHunk): SplitRow[] {
  const rows: SplitRow[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      rows.push({ left: removed[i] ?? null, right: added[i] ?? null });
    }
    removed = [];
    added = [];
  };
  for (const line of hunk.lines) {
    if (line.kind === "removed") removed.push(line);
    else if (line.kind === "added") added.push(line);
    else if (line.kind === "same") {
      flush();
      rows.push({ left: line, right: line });
    }
  }
  flush();
  return rows;
}
