/** Puts the keyboard into the first field of these names and brings it into sight; opens what it is folded into. */
export function focusFirst(names: readonly string[]): void {
  const fields = document.querySelectorAll<HTMLInputElement>("form [name]");
  const field = [...fields].find((each) => names.includes(each.name));
  const fold = field?.closest("details");
  if (fold) fold.open = true;
  field?.focus();
  // Not behind the bar at the foot of a form.
  field?.scrollIntoView({ block: "center" });
}
