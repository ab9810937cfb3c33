// The mark in front of what can be opened; it turns with it.
import { cx } from "./cx";
import { Icon } from "./icons";

/** @param open whether it is open; without it the mark follows the `<details>` of class `group` around it */
export function FoldMark({ open, className }: { open?: boolean; className?: string }) {
  const turned = open === undefined ? "group-open:rotate-90" : open && "rotate-90";
  return <Icon name="right" className={cx("transition-transform duration-150", turned, className)} />;
}
