// Closes what this process inherited from the one that started it, so that no program in a jail inherits it in turn.
import { closeSync, readdirSync, readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;

/**
 * Closes every descriptor above 2 that would survive an exec. Node opens all of its own with close-on-exec, so
 * what lacks the flag came from outside and nobody here uses it. Returns how many were closed.
 */
export function closeInheritedDescriptors(): number {
  let closed = 0;
  for (const name of readdirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    if (descriptor > 2 && survivesExec(descriptor)) {
      closeSync(descriptor);
      closed += 1;
    }
  }
  return closed;
}

function survivesExec(descriptor: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8");
    const flags = /^flags:\s*([0-7]+)/m.exec(info)?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // It was the descriptor of the listing itself, closed by now.
    return false;
  }
}
