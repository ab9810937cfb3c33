import { beginDeployer, settleDeployer } from "@/server/loop/deploy-bundle";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step } from "../drive";
import { agentEnd } from "./run-agent";

/**
 * The deploy bundle of a green job: the deployer writes it, a check decides, and what it finds goes to the next try.
 * @returns false when this run of the job is over
 */
export async function writeBundle(step: Step, ref: RunRef): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const end = await agentEnd(step, `deployer-${attempt}`, ref, (db) => beginDeployer(db, ref, attempt));
    if (end === "over") return false;
    const checked = await drive(step, `deploy-check-${attempt}`, ref, (db) =>
      settleDeployer(db, ref, attempt),
    );
    if (!checked) return false;
    if (checked.green) return true;
  }
}
