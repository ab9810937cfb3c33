"use client";
// The fields that adding a project and changing one have in common.
import { useFactory } from "@/components/api/use-factory";
import { TextField } from "@/components/ui/fields";
import type { DetectedProject } from "@/server/domain/project";
import { ROLES } from "@/server/domain/roles";
import { COMMANDS, meaningOfNone } from "./commands";
import { Fold } from "./fold";
import type { ProjectDraft, ProjectFaults } from "./project-draft";

export interface FieldsProps {
  draft: ProjectDraft;
  faults: ProjectFaults;
  onChange: (part: Partial<ProjectDraft>) => void;
}

/** Names of the fields that are one line of text. */
type LineName = Exclude<keyof ProjectDraft, "token" | "models">;

interface LineProps extends FieldsProps {
  field: LineName;
  label: string;
  help?: string;
  placeholder?: string;
  inputMode?: "decimal" | "numeric" | "url";
  code?: boolean;
}

export function Line({ draft, faults, onChange, field, code, ...rest }: LineProps) {
  return (
    <TextField
      {...rest}
      name={field}
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      value={draft[field]}
      fault={faults[field]}
      onChange={(event) => onChange({ [field]: event.target.value })}
      className={code ? "font-mono text-xs" : undefined}
    />
  );
}

export function PlaceFields({ detected, ...all }: FieldsProps & { detected?: DetectedProject | null }) {
  return (
    <div className="grid gap-5 sm:grid-cols-2">
      <Line
        {...all}
        field="default_branch"
        label="Branch"
        placeholder={detected?.branch ?? "The repository's own default"}
        help="Jobs start from its newest commit."
      />
      <Line
        {...all}
        field="folder"
        label="Folder"
        placeholder="The whole repository"
        help="Where the code lies, if not at the root."
      />
    </div>
  );
}

export function CommandFields({ detected, ...all }: FieldsProps & { detected?: DetectedProject | null }) {
  return (
    <div className="flex flex-col gap-5">
      {COMMANDS.map(({ field, label }) => (
        <Line
          key={field}
          {...all}
          field={field}
          label={label}
          code
          placeholder={detected ? (detected[field] ?? meaningOfNone(field, detected)) : "What is detected"}
          help={helpOf(detected?.[field], detected?.has_config ?? false)}
        />
      ))}
    </div>
  );
}

function helpOf(found: string | null | undefined, hasConfig: boolean): string | undefined {
  if (hasConfig) return "What fabrica.json in the repository says outranks this.";
  return found ? "Empty: what was detected is run." : undefined;
}

export function LimitFields(all: FieldsProps) {
  return (
    <div className="grid gap-5 sm:grid-cols-2">
      <Line
        {...all}
        field="budget_usd"
        label="Budget of a job in dollars"
        inputMode="decimal"
        placeholder="The factory's"
        help="A hard cap, unless the job says another."
      />
      <Line
        {...all}
        field="max_fixes"
        label="Fixes per task"
        inputMode="numeric"
        placeholder="The factory's"
        help="How often a red test may be mended."
      />
      <Line
        {...all}
        field="image"
        label="Container image"
        code
        placeholder="The runner's own"
        help="Its jobs wait for a runner that lists this image in RUNNER_IMAGES."
      />
    </div>
  );
}

export function ModelFields({ draft, faults, onChange }: FieldsProps) {
  const factory = useFactory();
  const usual = factory ? `${factory.provider}/${factory.model}` : undefined;
  const chosen = Object.values(draft.models).filter((model) => model?.trim()).length;
  const hasFault = Object.keys(faults).some((field) => field.startsWith("models"));
  return (
    <Fold
      title="Models per role"
      hint={chosen > 0 ? `${chosen} chosen` : "the factory's model for all"}
      open={hasFault}
    >
      <p className="pb-4 text-muted">
        Provider and model, such as <code className="font-mono text-xs">anthropic/claude-sonnet-4-6</code>. A
        role that is left empty uses the factory's.
      </p>
      <div className="grid gap-x-5 gap-y-4 sm:grid-cols-2">
        {ROLES.map((role) => (
          <TextField
            key={role}
            label={`${role.charAt(0).toUpperCase()}${role.slice(1)}`}
            name={`models.${role}`}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder={usual}
            value={draft.models[role] ?? ""}
            fault={faults[`models.${role}`]}
            onChange={(event) => onChange({ models: { ...draft.models, [role]: event.target.value } })}
            className="font-mono text-xs"
          />
        ))}
      </div>
    </Fold>
  );
}
