"use client";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";
import type { ChangesView, JobDetailView } from "@/server/domain/outputs";

type Changed = Pick<ChangesView["files"][number], "added" | "removed">;

interface Props {
  files: JobDetailView["files"];
  changed: ReadonlyMap<string, Changed>;
  chosen: string;
  onChoose: (path: string) => void;
}

/** Files by folder, with what was added and removed in each. */
export function FileTree({ files, changed, chosen, onChoose }: Props) {
  const paths = new Set([...files.map((file) => file.path), ...changed.keys()]);
  return (
    <ul aria-label="Files">
      {groupByFolder([...paths]).map(({ folder, names }) => (
        <li key={folder}>
          {folder && (
            <p className="flex h-8 items-center gap-2 text-xs text-faint">
              <Icon name="folder" className="size-3.5" />
              <span className="truncate" title={folder}>
                {folder}
              </span>
            </p>
          )}
          <ul className={folder ? "ml-1.5 border-l hairline pl-2" : undefined}>
            {names.map((name) => {
              const path = folder ? `${folder}/${name}` : name;
              return (
                <li key={name} className="lazy-row">
                  <FileButton
                    name={name}
                    path={path}
                    change={changed.get(path)}
                    on={path === chosen}
                    onChoose={onChoose}
                  />
                </li>
              );
            })}
          </ul>
        </li>
      ))}
    </ul>
  );
}

function FileButton({
  name,
  path,
  change,
  on,
  onChoose,
}: {
  name: string;
  path: string;
  change: Changed | undefined;
  on: boolean;
  onChoose: (path: string) => void;
}) {
  return (
    <button
      type="button"
      aria-pressed={on}
      title={path}
      onClick={() => onChoose(path)}
      className={cx(
        "flex h-8 w-full items-center gap-2 rounded px-1.5 text-left hover:bg-sunken",
        on && "bg-sunken font-medium",
      )}
    >
      <Icon name="file" className="size-3.5 text-faint" />
      <span className="min-w-0 flex-1 truncate">{name}</span>
      {change && (
        <span className="text-xs tabular-nums">
          <span className="text-good">+{change.added}</span>
          {change.removed > 0 && <span className="text-bad"> −{change.removed}</span>}
        </span>
      )}
    </button>
  );
}

/** Folders in order, the files of the root first. */
function groupByFolder(paths: string[]): { folder: string; names: string[] }[] {
  const groups = new Map<string, string[]>();
  for (const path of paths.toSorted((a, b) => a.localeCompare(b))) {
    const cut = path.lastIndexOf("/");
    const folder = cut < 0 ? "" : path.slice(0, cut);
    const names = groups.get(folder) ?? [];
    names.push(path.slice(cut + 1));
    groups.set(folder, names);
  }
  return [...groups]
    .map(([folder, names]) => ({ folder, names }))
    .toSorted((a, b) => a.folder.localeCompare(b.folder));
}
