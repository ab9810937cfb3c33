"use client";
import { useId } from "react";
import { SelectField, TextArea, TextField } from "@/components/ui/fields";
import { FoldMark } from "@/components/ui/fold-mark";
import { PRIORITY_LABEL, PRIORITY_ORDER } from "@/components/ui/priority";
import type { Priority } from "@/server/domain/priority";
import { DeployChoice } from "./new-job-deploy";
import type { DraftFaults, JobDraft } from "./new-job-draft";
import { useChosenProject } from "./new-job-place";

interface Props {
  draft: JobDraft;
  faults: DraftFaults;
  onChange: (part: Partial<JobDraft>) => void;
}

/** What the API takes when neither the job nor its project says another. */
const USUAL_FIXES = 5;
const ALWAYS_SEEN = ["request", "stack", "features", "project", "baseBranch", "behaviourUnchanged"];

/** Everything that a job may say beyond its request; opens by itself when a fault is inside. */
export function NewJobMore({ draft, faults, onChange }: Props) {
  const hasFault = Object.keys(faults).some((field) => !ALWAYS_SEEN.includes(field));
  const project = useChosenProject(draft.project);
  return (
    <details open={hasFault || undefined} className="group border-t hairline">
      <summary className="flex h-11 items-center gap-2 font-medium">
        <FoldMark />
        More settings
        <span className="text-xs font-normal text-faint">priority, budget, tests, files, plan</span>
      </summary>
      <div className="grid gap-5 pt-1 pb-6 sm:grid-cols-3">
        <SelectField
          label="Priority"
          name="priority"
          value={draft.priority}
          onChange={(event) => onChange({ priority: event.target.value as Priority })}
        >
          {PRIORITY_ORDER.map((priority) => (
            <option key={priority} value={priority}>
              {PRIORITY_LABEL[priority]}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Budget in dollars"
          name="budget"
          inputMode="decimal"
          placeholder={project?.budget_usd ? String(project.budget_usd) : "Default"}
          help="A hard cap. No call is made beyond it."
          value={draft.budget}
          fault={faults.budget}
          onChange={(event) => onChange({ budget: event.target.value })}
        />
        <TextField
          label="Fixes per task"
          name="max_fixes"
          inputMode="numeric"
          placeholder={String(project?.max_fixes ?? USUAL_FIXES)}
          help="How often a red test may be mended."
          value={draft.maxFixes}
          fault={faults.maxFixes}
          onChange={(event) => onChange({ maxFixes: event.target.value })}
        />
        <TextField
          label="Work it out N times, keep the best"
          name="candidates"
          inputMode="numeric"
          placeholder="1"
          help="Up to 8 side by side, all on this budget. Tests that none has seen decide."
          value={draft.candidates}
          fault={faults.candidates}
          onChange={(event) => onChange({ candidates: event.target.value })}
        />
        <Lines
          label="Waits for jobs"
          help="Job ids, one a line."
          field="dependsOn"
          draft={draft}
          faults={faults}
          onChange={onChange}
        />
        <Lines
          label="Required tests"
          help="Test ids that must pass, one a line."
          field="requiredTests"
          draft={draft}
          faults={faults}
          onChange={onChange}
        />
        <Lines
          label="Required patterns"
          help="Texts that the code must contain, one a line."
          field="requiredPatterns"
          draft={draft}
          faults={faults}
          onChange={onChange}
        />
        <Lines
          label="Files"
          help="Paths that this job will touch, one a line."
          field="files"
          draft={draft}
          faults={faults}
          onChange={onChange}
        />
        <div className="sm:col-span-2">
          <Lines
            label="Context"
            help="Anything else the agents should know."
            field="context"
            draft={draft}
            faults={faults}
            onChange={onChange}
          />
        </div>
        <div className="sm:col-span-3">
          <ReadFirst draft={draft} onChange={onChange} />
        </div>
        <div className="sm:col-span-3">
          <DeployChoice draft={draft} faults={faults} onChange={onChange} />
        </div>
        <div className="sm:col-span-3">
          <Lines
            label="Plan (SPEC.md)"
            help="Given a plan with a checklist, planning is skipped."
            field="spec"
            rows={5}
            draft={draft}
            faults={faults}
            onChange={onChange}
          />
        </div>
      </div>
    </details>
  );
}

function ReadFirst({ draft, onChange }: Pick<Props, "draft" | "onChange">) {
  const id = useId();
  return (
    <div className="flex items-start gap-2.5">
      <input
        type="checkbox"
        id={id}
        name="approve_plan"
        className="mt-0.5 size-4 shrink-0"
        aria-describedby={`${id}-help`}
        checked={draft.approvePlan}
        onChange={(event) => onChange({ approvePlan: event.target.checked })}
      />
      <div>
        <label htmlFor={id} className="font-medium">
          I want to read the plan first
        </label>
        <p id={`${id}-help`} className="mt-0.5 max-w-[72ch] text-xs text-faint">
          The job waits until you approve its plan, or ask for changes. Until then nothing is built.
        </p>
      </div>
    </div>
  );
}

type TextPart = "dependsOn" | "requiredTests" | "requiredPatterns" | "files" | "context" | "spec";

function Lines({
  label,
  help,
  field,
  rows = 3,
  draft,
  faults,
  onChange,
}: Props & { label: string; help: string; field: TextPart; rows?: number }) {
  return (
    <TextArea
      label={label}
      name={field}
      help={help}
      rows={rows}
      value={draft[field]}
      fault={faults[field]}
      onChange={(event) => onChange({ [field]: event.target.value })}
      className="font-mono text-xs"
    />
  );
}
