// What a job's sandbox is made of: the runner's own image, or one that a project names and the operator has allowed.
// Invariant: an image is offered only after every limit was proved in a sandbox of it.
import type { Layers } from "./layers";
import type { Log } from "./log";
import { probe } from "./probe";
import type { SandboxDriver } from "./sandbox/port";

/** Where jobs of one image are worked on. */
export interface Place {
  driver: SandboxDriver;
  /** Where dependencies are kept; without it none are installed. */
  layers?: Layers;
}

/** @returns null for an image that this runner does not have */
export function placeOf(
  own: Place,
  images: ReadonlyMap<string, Place>,
  image: string | null | undefined,
): Place | null {
  return image == null ? own : (images.get(image) ?? null);
}

/**
 * Proves the images that the settings name. One that is not there, or in which a limit does not hold, is left out, with
 * a word in the log: jobs that need it are left to other runners.
 * @param driver the one that makes this runner's own sandboxes
 * @param platformOf names everything on which an installation depends, for an image and its programs
 */
export async function proveImages(
  names: readonly string[],
  { driver, layers, instance, platformOf, log }: ImageProof,
): Promise<ReadonlyMap<string, Place>> {
  const proved = new Map<string, Place>();
  if (names.length > 0 && !driver.forImage)
    log(`RUNNER_IMAGES is left out of account: the sandboxes of ${driver.name} are not made of images.`);
  for (const name of driver.forImage ? names : []) {
    try {
      const own = await driver.forImage?.(name);
      if (!own) continue;
      const { checks, programs } = await probe(own, instance);
      const failed = checks.filter((check) => check.result === "fail");
      if (failed.length > 0)
        throw new Error(failed.map((check) => `${check.name}: ${check.detail}`).join("; "));
      proved.set(name, { driver: own, layers: layers.forPlatform(platformOf(name, programs)) });
      log(`image ${name} proved`);
    } catch (error) {
      log(`image ${name} is not offered: ${(error as Error).message}`);
    }
  }
  return proved;
}

export interface ImageProof {
  driver: SandboxDriver;
  layers: Layers;
  instance: string;
  platformOf: (image: string, programs: Record<string, string>) => string;
  log: Log;
}
