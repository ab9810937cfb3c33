"use client";
// What people decide about a plan before anything is built, and what they decided about its earlier versions.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { Button } from "@/components/ui/button";
import { TextArea } from "@/components/ui/fields";
import { Icon } from "@/components/ui/icons";
import { Ago } from "@/components/ui/time";
import { MESSAGE_LENGTH } from "@/server/domain/messages";
import type { JobView } from "@/server/domain/outputs";
import type { PlanVersionView } from "@/server/domain/steering";

/** Above the plan of a job whose plan is to be read. */
export function PlanReview({ job }: { job: JobView }) {
  const trpc = useTRPC();
  const plans = useQuery(trpc.steering.plans.queryOptions({ id: job.job_id }));
  const versions = (plans.data?.versions ?? []).filter(({ run }) => run === job.run);
  const open = versions.find(({ version }) => version === plans.data?.waits);
  const decided = versions.filter(({ decision }) => decision !== null);
  if (versions.length === 0) return null;
  return (
    <div className="mb-5 flex max-w-[80ch] flex-col gap-3">
      {decided.map((version) => (
        <Decided key={version.version} plan={version} />
      ))}
      {open && <Decide key={open.version} id={job.job_id} plan={open} />}
    </div>
  );
}

function Decided({ plan }: { plan: PlanVersionView }) {
  const approved = plan.decision === "approved";
  return (
    <div className="text-muted">
      <p className="flex items-start gap-2">
        <Icon
          name={approved ? "check" : "again"}
          className={approved ? "mt-0.5 text-good" : "mt-0.5 text-warn"}
        />
        <span className="min-w-0">
          <span className="font-medium text-ink">{plan.decided_by}</span>{" "}
          {approved ? "approved" : "asked for changes to"} version {plan.version}
          {plan.edited_spec !== null && " with edits"}
          {plan.decided_at && (
            <span className="text-xs text-faint">
              {" · "}
              <Ago at={plan.decided_at} />
            </span>
          )}
        </span>
      </p>
      {plan.remarks && (
        <p className="mt-1 ml-6 border-l-2 hairline pl-3 whitespace-pre-wrap wrap-anywhere">{plan.remarks}</p>
      )}
    </div>
  );
}

type Mode = "read" | "remark" | "edit";

function Decide({ id, plan }: { id: string; plan: PlanVersionView }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const me = useMe();
  const [mode, setMode] = useState<Mode>("read");
  const [remarks, setRemarks] = useState("");
  const [spec, setSpec] = useState(plan.spec);
  const onSettled = () => {
    void cache.invalidateQueries(trpc.steering.pathFilter());
    void cache.invalidateQueries(trpc.jobs.pathFilter());
  };
  const approve = useMutation(trpc.steering.approvePlan.mutationOptions({ onSettled }));
  const send = useMutation(trpc.steering.requestChanges.mutationOptions({ onSettled }));
  const busy = approve.isPending || send.isPending;
  const failed = approve.isError ? approve.error : send.isError ? send.error : null;
  const fault = failed ? readFault(failed).text : null;
  const { version } = plan;
  const back = (
    <Button kind="quiet" disabled={busy} onClick={() => setMode("read")}>
      Back
    </Button>
  );
  return (
    <section
      aria-label="Decide about the plan"
      className="rounded-md border border-accent/40 bg-accent/5 px-4 py-3"
    >
      <p className="font-medium">
        {version === 1 ? "The plan waits for you" : `Version ${version} of the plan waits for you`}
      </p>
      <p className="mt-0.5 text-muted">
        {me?.role === "viewer"
          ? "A member of the team has to approve it before anything is built."
          : "Nothing is built before it is approved. Meanwhile the job holds no worker and costs nothing."}
      </p>
      {me && me.role !== "viewer" && (
        <div className="mt-3 flex flex-col gap-3">
          {mode === "remark" && (
            <TextArea
              label="What should change"
              name="remarks"
              help="The planner writes the plan again with this in hand."
              rows={4}
              maxLength={MESSAGE_LENGTH}
              autoFocus
              value={remarks}
              fault={fault}
              onChange={(event) => setRemarks(event.target.value)}
            />
          )}
          {mode === "edit" && (
            <TextArea
              label="The plan"
              name="spec"
              help="Each line “- [ ] …” is a task."
              rows={18}
              value={spec}
              fault={fault}
              onChange={(event) => setSpec(event.target.value)}
              className="font-mono text-xs"
            />
          )}
          {mode === "read" && fault && <p className="text-xs text-bad">{fault}</p>}
          <div className="flex flex-wrap gap-2">
            {mode === "remark" ? (
              <Button
                kind="primary"
                icon="again"
                disabled={busy || remarks.trim() === ""}
                onClick={() => send.mutate({ id, version, text: remarks })}
              >
                {send.isPending ? "Sending …" : "Send back"}
              </Button>
            ) : (
              <Button
                kind="primary"
                icon="check"
                disabled={busy || (mode === "edit" && spec.trim() === "")}
                onClick={() =>
                  approve.mutate({ id, version, ...(mode === "edit" && spec !== plan.spec && { spec }) })
                }
              >
                {approve.isPending ? "Approving …" : mode === "edit" ? "Approve as edited" : "Approve"}
              </Button>
            )}
            {mode === "read" ? (
              <>
                <Button icon="speech" disabled={busy} onClick={() => setMode("remark")}>
                  Request changes
                </Button>
                <Button icon="pencil" kind="quiet" disabled={busy} onClick={() => setMode("edit")}>
                  Edit
                </Button>
              </>
            ) : (
              back
            )}
          </div>
        </div>
      )}
    </section>
  );
}
