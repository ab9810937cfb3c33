// Example values for tests: what a valid record of a resource looks like.
import type { FieldSpec, ResourceModule } from "./project";

/** A valid value of a field; the number makes unique values differ. */
export function sampleValue(field: FieldSpec, number = 1): string | number | boolean {
  if (field.type === "boolean") return false;
  if (field.type === "integer") return Math.max(field.minimum ?? 0, 1) + 4;
  if (field.type === "number") return (field.minimum ?? 0) + 10.5 * number;
  return field.email ? `person${number}@example.com` : `${field.name} ${number}`;
}

/** A value of the wrong type. */
export function wrongValue(field: FieldSpec): string | number {
  return field.type === "text" ? 17 : "wrong";
}

/** A complete valid record without references; `only` limits it to required fields. */
export function sampleRecord(
  resource: ResourceModule,
  number = 1,
): Record<string, string | number | boolean> {
  return Object.fromEntries(
    resource.fields.filter((field) => !field.parent).map((field) => [field.name, sampleValue(field, number)]),
  );
}

/** The first text field that is required, else the first field: what tests filter, change and search by. */
export function mainField(resource: ResourceModule): FieldSpec {
  const own = resource.fields.filter((field) => !field.parent);
  return own.find((field) => field.required && field.type === "text" && !field.email) ?? own[0]!;
}

/** Options that give a record on the command line, flags left out. */
export function recordOptions(resource: ResourceModule, number: number): string[] {
  return Object.entries(sampleRecord(resource, number))
    .filter(([, value]) => typeof value !== "boolean")
    .flatMap(([name, value]) => [`--${name}`, String(value)]);
}
