// What the app and the process that starts programs for it say to each other, over Node's own channel.
import type { ProgramEnd, ProgramRequest } from "./program";

/** So many bytes of a program's output may be on their way to the app; then the program waits. */
export const WINDOW_BYTES = 1024 * 1024;

export type HostOrder =
  | { id: number; kind: "start"; request: ProgramRequest }
  | { id: number; kind: "taken"; bytes: number }
  | { id: number; kind: "kill" };

export type HostAnswer =
  | { id: number; kind: "output"; bytes: Uint8Array }
  | { id: number; kind: "end"; end: ProgramEnd };
