import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { createSigner } from "./signatures";

const KEY = "signkey-prod-00112233445566778899aabbccddeeff";
const NOW = 1_700_000_000_000;

it("signs as the specification says: raw key without prefix, body, then seconds", () => {
  const mac = createHmac("sha256", "00112233445566778899aabbccddeeff")
    .update('{"a":1}1700000000')
    .digest("hex");
  expect(createSigner(KEY).sign('{"a":1}', NOW)).toBe(`t=1700000000&s=${mac}`);
});

it("accepts what it signed and nothing else", () => {
  const signer = createSigner(KEY);
  const header = signer.sign("body", NOW);
  expect(signer.verify(header, "body", NOW + 299_000)).toBe(true);
  expect(signer.verify(header, "body", NOW + 301_000)).toBe(false);
  expect(signer.verify(header, "body", NOW - 301_000)).toBe(false);
  expect(signer.verify(header, "other", NOW)).toBe(false);
  expect(createSigner(KEY.replace("00", "01")).verify(header, "body", NOW)).toBe(false);
  for (const wrong of [undefined, "", "t=1700000000", "t=x&s=y", "t=1700000000&s="]) {
    expect(signer.verify(wrong, "body", NOW)).toBe(false);
  }
});

it("knows the bearer token of the SDK", () => {
  const signer = createSigner(KEY);
  expect(signer.bearer).toMatch(/^signkey-prod-[0-9a-f]{64}$/);
  expect(signer.verifyBearer(`Bearer ${signer.bearer}`)).toBe(true);
  for (const wrong of [undefined, "", "Bearer undefined", signer.bearer, `Bearer ${KEY}`]) {
    expect(signer.verifyBearer(wrong)).toBe(false);
  }
});
