import { AppError } from "../domain/errors";

/** A part of an address as it was meant. @throws AppError `bad_request` */
export function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new AppError("bad_request", "The address is not correctly percent-encoded.");
  }
}
