// Redaction of text that comes in pieces: a credential may begin in one piece and end in another, so what could be the
// beginning of one is held back until more is there. Pure; what is held is the caller's to keep, a few hundred characters.
import { REDACTED, redact, TOKEN_HEADS } from "./redact";
import { cutOutsideSecrets, openSecretLength } from "./secrets/known-secrets";

/** More of a credential than any pattern asks for; the rest of it is dropped with it anyway. */
const KEPT_OF_TOKEN = 200;
const OPEN_KEY = "-----BEGIN PRIVATE KEY-----";
const KEY_BEGINS = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const KEY_ENDS = /-----END [A-Z ]*PRIVATE KEY-----/;
/** The end of a text that may become the first line of a key. */
const KEY_MAY_BEGIN = /(?:-----BEGIN [A-Z ]{0,40}-{0,5}|-----B?E?G?I?N?|-{1,5})$/;
/** Longest last line of a key. */
const KEPT_OF_KEY = 60;

export interface RedactedPart {
  /** What may be stored and shown now. */
  text: string;
  /** What must be given back with the next piece. */
  held: string;
}

/**
 * Redacts the next piece of a text.
 * @param held what the last call held back; "" at the beginning
 */
export function redactPart(held: string, piece: string): RedactedPart {
  const inKey = held.startsWith(OPEN_KEY);
  const whole = held + piece;
  if (inKey && !KEY_ENDS.test(whole))
    return { text: "", held: OPEN_KEY + tailOf(whole.slice(OPEN_KEY.length)) };
  // The key was told when it began.
  const { text, held: rest } = split(
    inKey ? whole.replace(new RegExp(`^[\\s\\S]*?${KEY_ENDS.source}`), "") : whole,
  );
  return { text, held: rest };
}

/** Redacts what is still held when nothing more comes. */
export function redactRest(held: string): string {
  return held.startsWith(OPEN_KEY) ? "" : redact(held);
}

const tailOf = (text: string) => text.slice(-KEPT_OF_KEY);

function split(text: string): RedactedPart {
  const { open, closed } = keysIn(text);
  if (open !== null) {
    return { text: redact(text.slice(0, open)) + REDACTED, held: OPEN_KEY + tailOf(text.slice(open)) };
  }
  const rest = text.slice(closed);
  const shaped = Math.min(tokenAt(rest), KEY_MAY_BEGIN.exec(rest)?.index ?? rest.length);
  const at = closed + cutOutsideSecrets(rest, shaped);
  const held = text.slice(at);
  return {
    text: redact(text.slice(0, at)),
    held: openSecretLength(rest) > 0 ? held : shortened(held),
  };
}

/** Where the last whole key ends, and where one begins that does not end. */
function keysIn(text: string): { closed: number; open: number | null } {
  for (let closed = 0; ; ) {
    const begins = KEY_BEGINS.exec(text.slice(closed));
    if (!begins) return { closed, open: null };
    const open = closed + begins.index;
    const ends = KEY_ENDS.exec(text.slice(open));
    if (!ends) return { closed, open };
    closed = open + ends.index + ends[0].length;
  }
}

/** Where in the last word of a text a credential may have begun; the text's length when nowhere. */
function tokenAt(text: string): number {
  let at = text.length;
  for (let i = text.length; i > 0 && /[A-Za-z0-9_-]/.test(text[i - 1] as string); i--) {
    const rest = text.slice(i - 1, i - 1 + KEPT_OF_TOKEN);
    if (TOKEN_HEADS.some((head) => rest.startsWith(head) || head.startsWith(rest))) at = i - 1;
  }
  return at;
}

/** A credential that goes on and on need not be kept whole: what follows it is a part of it as long as it is a word. */
function shortened(held: string): string {
  return held.length > KEPT_OF_TOKEN && redact(held) === REDACTED ? held.slice(0, KEPT_OF_TOKEN) : held;
}
