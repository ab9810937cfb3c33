/** How the kinds of deliveries are called on pages. */
const NAMES: Record<string, string> = {
  branch: "Branch",
  patch: "Patch",
  bundle: "Git bundle",
  folder: "Folder",
  zip: "Zip",
  repository: "Repository",
};

/** The name of a kind of delivery; the kind itself when this page does not know it yet. */
export const deliveryName = (target: string): string => NAMES[target] ?? target;
