import type { Tx } from "../../db";
import { announce, type Wakeup } from "./announce";

/** Channel that wakes waiting claims. */
export const CLAIMABLE_CHANNEL = "fabrica_claimable";

export const CLAIMABLE: Wakeup = { channel: CLAIMABLE_CHANNEL, payload: "" };

/** Wakes the claims that wait, when the caller's transaction commits. */
export function announceClaimable(tx: Tx): Promise<void> {
  return announce(tx, [CLAIMABLE]);
}
