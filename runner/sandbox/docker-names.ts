// A file on the daemon's host that says who `localhost` is, for containers that do without Docker's networking, which
// would write it. Invariant: without the file a container gets Docker's networking, so programs see no difference.
import { posix } from "node:path";
import type Docker from "dockerode";

const VOLUME = "fabrica-names";
const FOLDER = "/names";
const FILE = "hosts";
const TEXT = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
const BLOCK = 512;

/**
 * Makes sure of the file and returns its path as the daemon sees it, which may live on another machine: it lies in a
 * volume, written through a container that never starts. Null when the daemon does not play along.
 * `labels`: of that container, for the reaper.
 */
export async function namesFile(
  docker: Docker,
  image: string,
  labels: Record<string, string>,
): Promise<string | null> {
  try {
    await docker.createVolume({ Name: VOLUME });
    const { Mountpoint } = await docker.getVolume(VOLUME).inspect();
    const writer = await docker.createContainer({
      Image: image,
      Entrypoint: ["true"],
      NetworkDisabled: true,
      Labels: labels,
      HostConfig: { NetworkMode: "none", Mounts: [{ Type: "volume", Source: VOLUME, Target: FOLDER }] },
    });
    try {
      // What is there stays: another runner's container may be about to mount it.
      await writer
        .infoArchive({ path: `${FOLDER}/${FILE}` })
        .catch(() => writer.putArchive(tarOf(FILE, TEXT), { path: FOLDER }));
    } finally {
      await writer.remove({ force: true });
    }
    return posix.join(Mountpoint, FILE);
  } catch {
    return null;
  }
}

/** A tar archive of one small file that everybody may read and nobody but root may write. */
function tarOf(name: string, text: string): Buffer {
  const head = Buffer.alloc(BLOCK);
  const put = (at: number, value: string) => head.write(value, at, "latin1");
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  put(0, name);
  put(100, octal(0o644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(Buffer.byteLength(text), 11));
  put(136, octal(0, 11));
  put(156, "0");
  put(257, "ustar\0");
  put(263, "00");
  // The sum is taken with its own field full of spaces.
  put(148, " ".repeat(8));
  put(
    148,
    `${octal(
      head.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
  );
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(text) / BLOCK) * BLOCK);
  body.write(text);
  return Buffer.concat([head, body, Buffer.alloc(2 * BLOCK)]);
}
