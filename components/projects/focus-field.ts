/** Puts the keyboard into the field of this name and brings it into sight; opens what it is folded into. */
export function focusField(name: string | undefined): void {
  if (!name) return;
  const field = document.querySelector<HTMLElement>(`form [name="${CSS.escape(name)}"]`);
  const fold = field?.closest("details");
  if (fold) fold.open = true;
  field?.focus();
  // Not behind the bar at the foot of a form.
  field?.scrollIntoView({ block: "center" });
}
