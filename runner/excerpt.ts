// Parts of what a program has printed. The app takes credentials out of a text when they stand in it whole, so a part
// never begins or ends within a word: of half a credential nobody would know what it is.

/** Letters, digits and signs of ASCII, of which credentials are made. */
const isOfWord = (code: number) => code > 0x20 && code < 0x7f;

/** @returns at most `chars` characters from its beginning, well-formed; empty when they are one word */
export function beginningOf(text: string, chars: number): string {
  let end = Math.min(chars, text.length);
  if (end < text.length && isOfWord(text.charCodeAt(end)))
    while (end > 0 && isOfWord(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end).toWellFormed();
}

/** @returns at most `chars` characters from its end, well-formed; empty when they are one word */
export function endOf(text: string, chars: number): string {
  let start = Math.max(0, text.length - chars);
  if (start > 0 && isOfWord(text.charCodeAt(start - 1)))
    while (start < text.length && isOfWord(text.charCodeAt(start))) start++;
  return text.slice(start).toWellFormed();
}
