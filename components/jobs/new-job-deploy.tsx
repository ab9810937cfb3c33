"use client";
import { useId } from "react";
import { DEPLOY_TARGETS, type DeployTarget, TARGET_TEXT } from "@/server/domain/deploy-targets";
import type { DraftFaults, JobDraft } from "./new-job-draft";

interface Props {
  draft: JobDraft;
  faults: DraftFaults;
  onChange: (part: Partial<JobDraft>) => void;
}

/** For which places the job is to bring what a deploy needs. */
export function DeployChoice({ draft, faults, onChange }: Props) {
  const id = useId();
  const choose = (target: DeployTarget, wanted: boolean) =>
    onChange({
      deployTargets: DEPLOY_TARGETS.filter((name) =>
        name === target ? wanted : draft.deployTargets.includes(name),
      ),
    });
  return (
    <fieldset aria-describedby={`${id}-help`}>
      <legend className="font-medium">Deploy bundle</legend>
      <p id={`${id}-help`} className="mt-0.5 max-w-[72ch] text-xs text-faint">
        Scripts to deploy, to roll back and to see that it is well, in the folder deploy. They are checked and
        delivered; the factory does not run them.
      </p>
      <div className="mt-2 flex flex-wrap gap-x-6 gap-y-2">
        {DEPLOY_TARGETS.map((target) => (
          <label key={target} className="flex items-start gap-2.5">
            <input
              type="checkbox"
              name="deploy_targets"
              value={target}
              className="mt-0.5 size-4 shrink-0"
              checked={draft.deployTargets.includes(target)}
              onChange={(event) => choose(target, event.target.checked)}
            />
            <span>
              {TARGET_TEXT[target].label}
              <span className="block text-xs text-faint">{TARGET_TEXT[target].about}</span>
            </span>
          </label>
        ))}
      </div>
      {faults.deployTargets && <p className="mt-1 text-xs text-bad">{faults.deployTargets}</p>}
    </fieldset>
  );
}
