// The pages of the left rail and of the command palette.
import type { IconName } from "@/components/ui/icons";

export interface Place {
  href: string;
  label: string;
  icon: IconName;
}

export const PLACES: readonly Place[] = [
  { href: "/", label: "Overview", icon: "overview" },
  { href: "/jobs", label: "Jobs", icon: "jobs" },
  { href: "/projects", label: "Projects", icon: "branch" },
  { href: "/queue", label: "Queue", icon: "queue" },
  { href: "/workers", label: "Workers", icon: "workers" },
  { href: "/learnings", label: "Learnings", icon: "bulb" },
  { href: "/costs", label: "Costs", icon: "costs" },
  { href: "/settings", label: "Settings", icon: "settings" },
];

/** Whether the page at `path` belongs to `href`. */
export function isWithin(path: string, href: string): boolean {
  return href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);
}
