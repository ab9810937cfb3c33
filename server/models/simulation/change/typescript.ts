// The types that a catalogued module needs to pass TypeScript's strict checks.
import { catalogued } from "../functions";
import type { ChangeModule } from "./modules";

const TYPES = { text: "string", integer: "number", number: "number" } as const;

/** Passages of the JavaScript text and what they are in TypeScript, by function. */
const PASSAGES: Record<string, [plain: string, typed: string][]> = {
  fibonacci: [["numbers.at(-1) + numbers.at(-2)", "Number(numbers.at(-1)) + Number(numbers.at(-2))"]],
  prime_factors: [["const factors = []", "const factors: number[] = []"]],
  to_roman: [["const SIGNS = [", "const SIGNS: [number, string][] = ["]],
  convert_temperature: [
    ["const TO_CELSIUS = {", "const TO_CELSIUS: Record<string, (t: number) => number> = {"],
    ["const FROM_CELSIUS = {", "const FROM_CELSIUS: Record<string, (t: number) => number> = {"],
  ],
  parse_csv: [
    ["splitRows(text) {", "splitRows(text: string): string[][] {"],
    ["const rows = [[", "const rows: string[][] = [["],
  ],
  word_count: [["const counts = {", "const counts: Record<string, number> = {"]],
  parse_config: [["const values = {", "const values: Record<string, string> = {"]],
  is_palindrome: [["letters.toReversed()", "[...letters].reverse()"]],
  calculate: [
    ["(message) =>", "(message: string) =>"],
    ["function split(expression) {", "function split(expression: string): string[] {"],
    ["readSum(tokens) {", "readSum(tokens: string[]): number {"],
    ["readProduct(tokens) {", "readProduct(tokens: string[]): number {"],
    ["readNumber(tokens) {", "readNumber(tokens: string[]): number {"],
  ],
};

const COLLECTION: [plain: string, typed: string][] = [
  [
    "const FIELDS = {",
    "type Values = Record<string, unknown>;\n\nconst FIELDS: Record<string, { type: string; required: boolean }> = {",
  ],
  ["#records = new Map();", "#records = new Map<number, Values & { id: number }>();"],
  ["add(values) {", "add(values: Values) {"],
  ["  get(id) {", "  get(id: number) {"],
  ["update(id, changes) {", "update(id: number, changes: Values) {"],
  ["remove(id) {", "remove(id: number) {"],
  ["function checked(values, complete) {", "function checked(values: Values, complete: boolean): Values {"],
  ["typeof value !== FIELDS[name].type", "typeof value !== FIELDS[name]?.type"],
];

/** A module of ours with types. */
export function typed(module: ChangeModule, text: string): string {
  if (module.shape !== "function") return replaced(text, COLLECTION);
  const { params } = catalogued(module.id);
  const plain = params.map(({ name }) => name).join(", ");
  const full = params.map(({ name, type }) => `${name}: ${TYPES[type]}`).join(", ");
  const signed = text.replace(/^(export function \w+)\(([^)]*)\) \{$/m, (line, head, given) =>
    given === plain ? `${head}(${full}) {` : line,
  );
  return replaced(signed, PASSAGES[module.id] ?? []);
}

function replaced(text: string, passages: readonly [string, string][]): string {
  return passages.reduce((result, [plain, full]) => result.replace(plain, () => full), text);
}
