import type { IconName } from "@/components/ui/icons";

/** The drawing of each tool that agents have. */
export const TOOL_ICON: Record<string, IconName> = {
  run: "terminal",
  read: "eye",
  write: "pencil",
  edit: "pencil",
  search: "search",
  tree: "folder",
  finish: "flag",
};
