// Turns users' words of any language into identifiers that are legal in Python, JavaScript, paths and JSON.
import { oneLine } from "./text";

export type Language = "en" | "pt" | "es" | "de" | "fr";

const CYRILLIC: Record<string, string> = Object.fromEntries(
  [..."абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ"].map((letter, index) => [
    letter,
    "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya i yi ye g".split(" ")[
      index
    ]!,
  ]),
);
const GREEK: Record<string, string> = Object.fromEntries(
  [..."αβγδεζηθικλμνξοπρσςτυφχψω"].map((letter, index) => [
    letter,
    "a v g d e z i th i k l m n x o p r s s t y f ch ps o".split(" ")[index]!,
  ]),
);
const ARABIC: Record<string, string> = Object.fromEntries(
  [..."ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآؤئء"].map((letter, index) => [
    letter,
    "a b t th j h kh d dh r z s sh s d t z a gh f q k l m n h w y a a a i a u i _".split(" ")[index]!,
  ]),
);
const LATIN: Record<string, string> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ı: "i",
};
const LETTERS = { ...CYRILLIC, ...GREEK, ...ARABIC, ...LATIN };

/** Lower case with accents removed; scripts without a table stay as they are. */
export function plain(text: string): string {
  return oneLine(text)
    .toLowerCase()
    .replace(/й/g, "и")
    .normalize("NFD")
    .replace(/[\u0300-\u036f\u064b-\u0652]/g, "");
}

/** Lower-case words of letters and digits joined by `_`; empty when nothing can be written in ASCII. */
export function slug(text: string): string {
  const letters = [...plain(text)].map((letter) => LETTERS[letter]?.replace("_", "") ?? letter).join("");
  return letters
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 40)
    .replace(/_+$/, "");
}

const RESERVED = new Set(
  (
    "and as assert async await break class continue def del elif else except finally for from global if import in " +
    "is lambda nonlocal not or pass raise return try while with yield none true false match case type print list dict " +
    "set str int float bool object id input len map max min sum open range " +
    "arguments const debugger default delete do enum eval export extends function implements instanceof interface let " +
    "new null package private protected public static super switch this throw typeof undefined var void router store " +
    "errors index features service client registry validation commands options test tests"
  ).split(" "),
);

/** A module name: a legal identifier of both languages that collides with nothing the templates use. */
export function identifier(text: string, fallback: string): string {
  const name = slug(text) || fallback;
  if (RESERVED.has(name)) return `${name}_items`;
  return /^[0-9]/.test(name) ? `n${name}` : name;
}

const IRREGULAR: Record<string, string> = {
  people: "person",
  children: "child",
  news: "news",
  status: "status",
  inventory: "inventory",
  stock: "stock",
};

/** Singular of an ASCII word, good enough for keys such as `produto_id`. */
export function singular(word: string, language: Language): string {
  if (IRREGULAR[word]) return IRREGULAR[word];
  if (word.length < 4) return word;
  if (language === "pt" && /oes$/.test(word)) return word.replace(/oes$/, "ao");
  if (language === "pt" && /[aeou]is$/.test(word)) return word.replace(/is$/, "l");
  if (language === "pt" && /ns$/.test(word)) return word.replace(/ns$/, "m");
  if (language === "es" && /iones$/.test(word)) return word.replace(/es$/, "");
  if (language === "es" && /ces$/.test(word)) return word.replace(/ces$/, "z");
  if (language !== "en" && /[rlzd]es$/.test(word) && language !== "de" && language !== "fr")
    return word.slice(0, -2);
  if (language === "en" && /ies$/.test(word)) return word.replace(/ies$/, "y");
  if (language === "en" && /(ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  if (language === "de") return word.replace(/(nen|en|e|s)$/, "");
  return /s$/.test(word) && !/(ss|us|is)$/.test(word) ? word.slice(0, -1) : word;
}

/** Plural of an ASCII word; a word that looks plural already stays. */
export function plural(word: string, language: Language): string {
  if (!word) return "";
  if (IRREGULAR[word] === word || /s$/.test(word) || language === "de") return word;
  if (language === "pt" && /ao$/.test(word)) return word.replace(/ao$/, "oes");
  if (language === "pt" && /m$/.test(word)) return word.replace(/m$/, "ns");
  if (language === "pt" && /[aeou]l$/.test(word)) return word.replace(/l$/, "is");
  if ((language === "pt" || language === "es") && /z$/.test(word)) {
    return language === "es" ? word.replace(/z$/, "ces") : `${word}es`;
  }
  if ((language === "pt" || language === "es") && /[rnld]$/.test(word)) return `${word}es`;
  if (language === "en" && /[^aeiou]y$/.test(word)) return word.replace(/y$/, "ies");
  if (language === "en" && /(x|ch|sh)$/.test(word)) return `${word}es`;
  return `${word}s`;
}

/** `resource_name` as `ResourceName`. */
export function pascal(name: string): string {
  return name
    .split("_")
    .filter(Boolean)
    .map((part) => part[0]!.toUpperCase() + part.slice(1))
    .join("");
}

/** `resource_name` as `resourceName`. */
export function camel(name: string): string {
  const joined = pascal(name);
  return joined.charAt(0).toLowerCase() + joined.slice(1);
}

/** A first letter in upper case, for headings. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
