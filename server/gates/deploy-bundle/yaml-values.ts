// Small readings of YAML values. Pure.
import type { YamlMap, YamlNode } from "./read-yaml";

export const asMap = (node: YamlNode | undefined): YamlMap | null =>
  node?.value instanceof Map ? (node.value as YamlMap) : null;

export const asList = (node: YamlNode | undefined): readonly YamlNode[] | null =>
  Array.isArray(node?.value) ? (node.value as readonly YamlNode[]) : null;

/** A value in a few words. */
export function show(node: YamlNode): string {
  if (asMap(node)) return "a mapping";
  if (asList(node)) return `a list (${asList(node)?.map(show).join(", ") ?? ""})`;
  return String(node.value);
}

/** Strings of a value that is one string or a list of them; null when it is anything else. */
export function stringsOf(node: YamlNode): string[] | null {
  if (typeof node.value === "string") return [node.value];
  const values = asList(node)?.map(({ value }) => value);
  return values?.every((value) => typeof value === "string") ? (values as string[]) : null;
}
