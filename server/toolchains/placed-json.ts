// Reads JSON that people write by hand: whatever is wrong with it is told with its line and column, also later for a
// value by its path. Keys that occur twice are refused, because programs differ on which of them counts.

const MAX_DEPTH = 20;
const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/y;

export type PlacedJson =
  | {
      value: unknown /** Where the value at a path, or the nearest above it that is there, begins. */;
      placeOf: (path: readonly PropertyKey[]) => string;
    }
  | { problem: string };

/** Reads a text as JSON. What is wrong is said as `line 3, column 5: …`, without a full stop. */
export function readPlacedJson(text: string): PlacedJson {
  const reader = new Reader(text);
  try {
    const value = reader.readAll();
    return { value, placeOf: (path) => reader.placeOf(path) };
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    return { problem: error.message };
  }
}

class JsonProblem extends Error {}

class Reader {
  private at = 0;
  private start = 0;
  private readonly places = new Map<string, number>();

  constructor(private readonly text: string) {
    // Some editors put a byte order mark before everything.
    if (text.startsWith("\ufeff")) this.at = 1;
  }

  readAll(): unknown {
    const value = this.readValue(this.next(), []);
    if (/\S/.test(this.text.slice(this.at))) {
      this.start = this.at + this.text.slice(this.at).search(/\S/);
      throw this.problem("there is text after the end of the JSON");
    }
    return value;
  }

  placeOf(path: readonly PropertyKey[]): string {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = this.places.get(keyOf(path.slice(0, length)));
      if (place !== undefined) return this.lineAndColumn(place);
    }
    return "line 1, column 1";
  }

  private readValue(token: string, path: readonly PropertyKey[]): unknown {
    this.places.set(keyOf(path), this.start);
    if (path.length > MAX_DEPTH) throw this.problem("is nested too deep");
    if (token === "{") return this.readObject(path);
    if (token === "[") return this.readArray(path);
    if (/^[}\],:]$/.test(token)) throw this.problem(`a value was expected, not ${token}`);
    return JSON.parse(token);
  }

  private readObject(path: readonly PropertyKey[]): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    for (let token = this.next(); token !== "}"; ) {
      if (!token.startsWith('"')) throw this.problem(`a name in double quotes was expected, not ${token}`);
      const key = JSON.parse(token) as string;
      if (entries.has(key)) throw this.problem(`${token} is there twice`);
      if (this.next() !== ":") throw this.problem(`a colon was expected after ${token}`);
      entries.set(key, this.readValue(this.next(), [...path, key]));
      token = this.next();
      if (token === ",") {
        token = this.next();
        if (token === "}") throw this.problem("there is a comma too many before }");
      } else if (token !== "}") throw this.problem(`a comma or } was expected, not ${token}`);
    }
    return Object.fromEntries(entries);
  }

  private readArray(path: readonly PropertyKey[]): unknown[] {
    const values: unknown[] = [];
    for (let token = this.next(); token !== "]"; ) {
      values.push(this.readValue(token, [...path, values.length]));
      token = this.next();
      if (token === ",") {
        token = this.next();
        if (token === "]") throw this.problem("there is a comma too many before ]");
      } else if (token !== "]") throw this.problem(`a comma or ] was expected, not ${token}`);
    }
    return values;
  }

  private next(): string {
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.text);
    if (!found) {
      const rest = this.text.slice(this.at).search(/\S/);
      this.start = rest < 0 ? this.text.length : this.at + rest;
      throw this.problem(rest < 0 ? "the text ends too early" : unreadable(this.text.slice(this.start)));
    }
    this.at = TOKEN.lastIndex;
    const token = found[1] ?? found[2] ?? found[3] ?? "";
    this.start = this.at - token.length;
    return token;
  }

  private problem(what: string): JsonProblem {
    return new JsonProblem(`${this.lineAndColumn(this.start)}: ${what}`);
  }

  private lineAndColumn(at: number): string {
    const before = this.text.slice(0, at).split("\n");
    return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  }
}

const keyOf = (path: readonly PropertyKey[]) => JSON.stringify(path);

function unreadable(rest: string): string {
  if (rest.startsWith("//") || rest.startsWith("/*")) return "JSON has no comments";
  if (rest.startsWith('"')) return "a text is not closed, or holds a line break or a wrong backslash";
  if (rest.startsWith("'")) return "texts stand in double quotes";
  const word = /^[^\s,:{}[\]"]+/.exec(rest)?.[0] ?? rest.slice(0, 1);
  return `${word.slice(0, 40)} is not JSON`;
}
