/**
 * Owns the signing key: signs calls to the SDK, checks the SDK's answers and bearer tokens.
 * Source: the public SDK specification, section "Security", and the installed SDK's own check.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** How old a signature may be, in seconds. */
const TOLERANCE_S = 300;

const PREFIX = /^signkey-\w+-/;

/** Signs and verifies with one signing key. */
export interface Signer {
  /** Header value for a body that is sent exactly as given (canonical JSON). */
  sign(body: string, nowMs: number): string;
  /** True when the header is a fresh signature over the body. */
  verify(header: string | undefined, body: string, nowMs: number): boolean;
  /** True when an Authorization header proves knowledge of the key. */
  verifyBearer(authorization: string | undefined): boolean;
  /** The token the SDK sends, for callers of the engine's API. */
  bearer: string;
}

/** Makes a signer. The key is `signkey-<environment>-<hex>` or bare hex. */
export function createSigner(signingKey: string): Signer {
  const prefix = PREFIX.exec(signingKey)?.[0] ?? "";
  const secret = signingKey.slice(prefix.length);
  const bearer = prefix + createHash("sha256").update(Buffer.from(secret, "hex")).digest("hex");
  const mac = (body: string, seconds: string) =>
    createHmac("sha256", secret).update(body).update(seconds).digest("hex");
  return {
    bearer,
    sign(body, nowMs) {
      const seconds = String(Math.floor(nowMs / 1000));
      return `t=${seconds}&s=${mac(body, seconds)}`;
    },
    verify(header, body, nowMs) {
      const fields = new URLSearchParams(header ?? "");
      const seconds = fields.get("t") ?? "";
      if (!/^\d{1,12}$/.test(seconds) || Math.abs(nowMs / 1000 - Number(seconds)) > TOLERANCE_S) return false;
      return sameText(mac(body, seconds), fields.get("s") ?? "");
    },
    verifyBearer(authorization) {
      return sameText(`Bearer ${bearer}`, authorization ?? "");
    },
  };
}

/** Compares in a time that does not tell how much of the text is right. */
export function sameText(expected: string, given: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(expected), digest(given));
}
