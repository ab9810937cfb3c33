// Tools for models that can only write text. A call is a fenced block: values on lines of their own, longer text raw
// behind a line that names it, so that code is never put into quotes. Reading is tolerant; what cannot be read becomes a
// call with what was understood, which is then refused with the reason, and nothing is guessed about what to do.
import type { Message, ToolCall, ToolDefinition } from "./port";
import type { TextCall } from "./tool-text";

interface Property {
  type?: string;
  description?: string;
}

const propertiesOf = ({ input }: ToolDefinition): Record<string, Property> =>
  (input.properties ?? {}) as Record<string, Property>;
const requiredOf = ({ input }: ToolDefinition): string[] => (input.required ?? []) as string[];

const HOW = `You call tools by writing fenced blocks, one for each call:
- The first line is three backticks, the word tool and the tool's name; the last line is three backticks.
- Short values stand on lines of their own: name=value. Lists and objects are JSON.
- Text of several lines, such as code, stands behind a line "@@ name", as it is: without quotes, without escapes.
- When the text has a line of three backticks itself, put four around the block.
For example:
\`\`\`tool write
path=src/hello.py
@@ content
print("hello")
\`\`\`
After your blocks stop writing; the results come in the next message.`;

/** What a model is told about its tools, for the end of a system prompt. */
export function fencedInstructions(tools: readonly ToolDefinition[]): string {
  return `${HOW}\nThe tools:\n${tools.map(described).join("\n")}`;
}

function described(tool: ToolDefinition): string {
  const required = requiredOf(tool);
  const values = Object.entries(propertiesOf(tool)).map(([name, { type = "text", description }]) => {
    const kind = type === "string" ? "text" : type;
    const need = required.includes(name) ? "" : ", optional";
    return `${name} (${kind}${need})${description ? `: ${description}` : ""}`;
  });
  return `- ${tool.name}: ${tool.description}${values.length > 0 ? ` Values: ${values.join("; ")}.` : ""}`;
}

/** A conversation in words alone: calls as blocks, results as blocks of the next message. */
export function withoutCalls(messages: readonly Message[]): Message[] {
  const names = new Map<string, string>();
  return messages.map((message): Message => {
    if (message.role === "assistant") {
      for (const { id, name } of message.calls) names.set(id, name);
      const blocks = message.calls.map(writeCall);
      return { role: "assistant", text: joined([message.text, ...blocks]), calls: [] };
    }
    const results = (message.results ?? []).map(({ callId, content, isError }) =>
      fenced(`result ${names.get(callId) ?? "unknown"}${isError ? " (error)" : ""}`, content),
    );
    return { role: "user", text: joined([...results, message.text]) };
  });
}

const joined = (parts: readonly string[]) => parts.filter((part) => part.trim() !== "").join("\n\n");

/** A block whose fence is longer than any inside it. */
function fenced(info: string, body: string): string {
  let longest = 2;
  // No blank that ends a line: else each of many empty lines is looked through to the last of them.
  for (const found of body.matchAll(/^[^\S\r\n\u2028\u2029]*(`{3,})/gm))
    longest = Math.max(longest, found[1]?.length ?? 0);
  const fence = "`".repeat(longest + 1);
  return `${fence}${info}\n${body}${body.endsWith("\n") || body === "" ? "" : "\n"}${fence}`;
}

/** A call as its model would have to write it. */
export function writeCall({ name, input }: Pick<ToolCall, "name" | "input">): string {
  const given = isRecord(input) ? Object.entries(input) : [];
  const short: string[] = [];
  const long: string[] = [];
  for (const [key, value] of given) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (typeof value === "string" && (needsRoom(value) || key === "content")) {
      long.push(`@@ ${key}`, key === "content" ? text.replace(/\n$/, "") : text);
    } else short.push(`${key}=${text}`);
  }
  return fenced(`tool ${name}`, [...short, ...long].join("\n"));
}

const needsRoom = (value: string) => value.length > 200 || /[\n\r]|^\s|\s$|^["']/.test(value) || value === "";

// What follows a run says where the run ends, here and below: a line of any length is read in one go.
const OPENING = /^ {0,3}(`{3,}(?!`)|~{3,}(?!~))\s*(\S+)(?:[ \t][ \t:]*(?![ \t:])(.*))?$/;

interface Block {
  name: string;
  inline: string;
  lines: string[];
}

export interface ReadText {
  /** What remains to be read. */
  text: string;
  calls: TextCall[];
}

/**
 * Takes the calls out of a text.
 * @param whole false when the text was cut off: a block without its end is then no call
 */
export function readFenced(text: string, tools: readonly ToolDefinition[], whole = true): ReadText {
  const calls: TextCall[] = [];
  const rest: string[] = [];
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  for (let at = 0; at < lines.length; ) {
    const found = blockAt(lines, at, tools);
    if (!found) {
      rest.push(lines[at++] as string);
      continue;
    }
    at = found.end;
    if (found.closed || whole) calls.push(callOf(found.block, tools));
  }
  return { text: rest.join("\n").trim(), calls };
}

function blockAt(lines: readonly string[], at: number, tools: readonly ToolDefinition[]) {
  const [, fence = "", word = "", rest = ""] = OPENING.exec(lines[at] as string) ?? [];
  if (fence === "") return null;
  const spelled = /^tool(?:_call)?:?$/i.test(word);
  const [, named = "", behind = ""] = /^([\w.-]+)\s*(.*)$/.exec(rest.trim()) ?? [];
  const name = spelled ? named : word;
  // A block of code is no call; one that names a tool where the language stands is.
  if (name === "" || (!spelled && !tools.some((tool) => tool.name === name))) return null;
  const body: string[] = [];
  let open = 0;
  for (let next = at + 1; next < lines.length; next++) {
    const line = lines[next] as string;
    if (closes(line, fence)) {
      if (open === 0)
        return { block: { name, inline: spelled ? behind : rest, lines: body }, end: next + 1, closed: true };
      open--;
    } else if (fence === "```" && /^```[\w+#-]+\s*$/.test(line)) open++;
    body.push(line);
  }
  // Its last fence may have been meant for the block that was opened inside.
  const end = body.findLastIndex((line) => line.trim() !== "");
  const closed = open > 0 && closes(body[end] ?? "", fence);
  if (closed) body.length = end;
  return { block: { name, inline: spelled ? behind : rest, lines: body }, end: lines.length, closed };
}

const closes = (line: string, fence: string) => {
  const text = line.trim();
  return text.length >= fence.length && text === (fence[0] as string).repeat(text.length);
};

function callOf({ name, inline, lines }: Block, tools: readonly ToolDefinition[]): TextCall {
  const tool = tools.find((one) => one.name === name);
  if (!tool) return { name, input: {} };
  const input: Record<string, unknown> = {};
  const properties = propertiesOf(tool);
  const known = (key: string) => Object.hasOwn(properties, key);
  for (const [, key = "", value = ""] of inline.matchAll(/(?<![\w-])([\w-]+)=("[^"]*"|'[^']*'|\S+)/g))
    if (known(key)) input[key] = shortValue(value, properties[key]);
  let at = 0;
  for (; at < lines.length; at++) {
    const [, key = "", value = ""] = /^\s*([\w-]+)\s*[=:]\s*(?!\s)(.*)$/.exec(lines[at] as string) ?? [];
    if (!known(key) || key in input || value.trim() === "") break;
    input[key] = shortValue(value, properties[key]);
  }
  sections(lines.slice(at), tool, input);
  return { name, input };
}

/** What stands behind the short values: named texts, or the one text that the tool still needs. */
function sections(lines: readonly string[], tool: ToolDefinition, input: Record<string, unknown>): void {
  const properties = propertiesOf(tool);
  let key: string | null = null;
  let body: string[] = [];
  const close = () => {
    if (key !== null) input[key] = longValue(key, body, properties[key]);
    body = [];
  };
  for (const line of lines) {
    const marked: string | undefined = /^@@\s*([\w-]+)\s*(?::\s*)?$/.exec(line)?.[1];
    const plain: string | undefined = key === null ? /^([\w-]+)\s*[:=]\s*$/.exec(line)?.[1] : undefined;
    const next: string | undefined = marked ?? plain;
    if (next !== undefined && Object.hasOwn(properties, next) && !(next in input) && next !== key) {
      if (key === null) body = [];
      close();
      key = next;
    } else body.push(line);
  }
  if (key !== null) {
    close();
    return;
  }
  const first = body.findIndex((line) => line.trim() !== "");
  if (first < 0) return;
  const open = requiredOf(tool).filter((name) => !(name in input) && properties[name]?.type === "string");
  const [only] = open;
  if (open.length === 1 && only !== undefined)
    input[only] = longValue(only, body.slice(first), properties[only]);
}

function longValue(key: string, lines: readonly string[], property: Property | undefined): unknown {
  const text = lines.join("\n");
  if (property?.type !== "string") return shortValue(text, property);
  // Files end with a line break; pieces of them are exactly what they are.
  return key === "content" && text !== "" && !text.endsWith("\n") ? `${text}\n` : text;
}

function shortValue(text: string, property: Property | undefined): unknown {
  const trimmed = text.trim();
  const bare = /^(["'])(.*)\1$/s.exec(trimmed)?.[2] ?? trimmed;
  if (property?.type === "string") return bare;
  try {
    return JSON.parse(trimmed);
  } catch {
    return bare;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
