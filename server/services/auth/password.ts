// Passwords: argon2id with the library's present defaults. An unknown user costs as much time as a wrong password.
import { hash, verify } from "@node-rs/argon2";

let dummy: Promise<string> | undefined;

export function hashPassword(password: string): Promise<string> {
  return hash(password);
}

/**
 * Whether the password fits.
 * @param stored hash of the user, or null when there is no such user
 */
export async function passwordFits(stored: string | null, password: string): Promise<boolean> {
  dummy ??= hash("there is no such user");
  const fits = await verify(stored ?? (await dummy), password);
  return stored !== null && fits;
}
