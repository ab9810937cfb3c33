import { mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LayerCache } from "./layer-cache";

const A = "a".repeat(64);
const B = "b".repeat(64);
const C = "c".repeat(64);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fabrica-cache-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const openCache = (maxBytes = 1_000_000) => LayerCache.open({ dir, maxBytes, log: () => {} });

async function put(cache: LayerCache, name: string, bytes: Buffer): Promise<boolean> {
  const writer = await cache.begin();
  for (let at = 0; at < bytes.length; at += 1_000) writer.write(bytes.subarray(at, at + 1_000));
  return writer.keep(name);
}
const text = async (cache: LayerCache, name: string) => (await cache.read(name))?.toString("latin1") ?? null;
const age = (name: string, seconds: number) => utimesSync(join(dir, `${name}.layer`), seconds, seconds);

describe("the cache of layers", () => {
  it("gives back what was kept, also to the next process, and nothing else", async () => {
    const cache = openCache();
    const bytes = Buffer.alloc(90_010, "xyz");
    expect(await put(cache, A, bytes)).toBe(true);
    expect((await cache.read(A))?.equals(bytes)).toBe(true);
    expect((await openCache().read(A))?.equals(bytes)).toBe(true);
    expect(await cache.read(B)).toBeNull();
    expect(await put(cache, B, Buffer.alloc(0))).toBe(true);
    expect(await text(cache, B)).toBe("");
  });

  it("hides an archive until it is whole, and forgets what a killed process left", async () => {
    const cache = openCache();
    const writer = await cache.begin();
    writer.write(Buffer.from("half"));
    expect(readdirSync(dir)).toEqual([expect.stringMatching(/\.part$/)]);
    const next = openCache();
    expect(readdirSync(dir)).toEqual([]);
    expect(await next.read(A)).toBeNull();
    await writer.drop();
  });

  it.each([
    ["cut short", (path: string) => truncateSync(path, 20)],
    ["without its last byte", (path: string) => truncateSync(path, 38)],
    ["empty", (path: string) => writeFileSync(path, "")],
    ["another one", (path: string) => writeFileSync(path, Buffer.alloc(39, 7))],
  ])("removes an archive that is %s", async (_, spoil) => {
    const cache = openCache();
    await put(cache, A, Buffer.from("whole.."));
    spoil(join(dir, `${A}.layer`));
    expect(await cache.read(A)).toBeNull();
    expect(readdirSync(dir)).toEqual([]);
  });

  it("makes room by removing what was used longest ago", async () => {
    const cache = openCache(10_000);
    await put(cache, A, Buffer.alloc(4_000, "a"));
    await put(cache, B, Buffer.alloc(4_000, "b"));
    age(A, 1_000);
    age(B, 2_000);
    await cache.read(A);
    expect(await put(cache, C, Buffer.alloc(4_000, "c"))).toBe(true);
    expect((await cache.read(A))?.length).toBe(4_000);
    expect(await cache.read(B)).toBeNull();
    expect((await cache.read(C))?.length).toBe(4_000);
  });

  it("refuses what is larger than all of it, and removes nothing for it", async () => {
    const cache = openCache(10_000);
    await put(cache, A, Buffer.from("small"));
    const writer = await cache.begin();
    writer.write(Buffer.alloc(20_000));
    expect(await writer.keep(B)).toBe(false);
    expect(writer.trouble).toMatch(/no room/);
    expect(await text(cache, A)).toBe("small");
    expect(readdirSync(dir)).toHaveLength(1);
  });

  it("takes the last of two that have one name, whole", async () => {
    const cache = openCache();
    const [first, second] = [await cache.begin(), await cache.begin()];
    first.write(Buffer.from("first"));
    second.write(Buffer.from("second, longer"));
    await Promise.all([first.keep(A), second.keep(A)]);
    expect(["first", "second, longer"]).toContain(await text(cache, A));
    expect(readdirSync(dir)).toHaveLength(1);
  });

  it("knows no names but its own", async () => {
    const cache = openCache();
    await expect(cache.read("../runner")).rejects.toThrow(/SHA-256/);
    expect(await put(cache, "A".repeat(64), Buffer.from("x"))).toBe(false);
  });
});
