"use client";
// What this installation is set to. Settings come from the environment, so this page only shows them.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTRPC } from "@/components/api/trpc";
import { useFactory } from "@/components/api/use-factory";
import { useMe } from "@/components/api/use-me";
import { cx } from "@/components/ui/cx";
import { formatUsd } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { PageHead } from "@/components/ui/page-head";
import { Bone, BoneRows, ErrorNote } from "@/components/ui/states";

export function SettingsView() {
  const factory = useFactory();
  const me = useMe();
  return (
    <div className="max-w-3xl">
      <PageHead
        title="Settings"
        note="Settings are read from the environment at the start. This page shows what is in force."
      />
      <Section title="Model">
        <Row label="Provider">{factory?.provider ?? <Bone className="w-24" />}</Row>
        <Row label="Model">
          {factory ? <code className="font-mono text-xs">{factory.model}</code> : <Bone className="w-32" />}
        </Row>
        {factory?.simulated && <RealModel />}
      </Section>
      <Section title="Account">
        <Row label="Signed in as">{me ? `${me.username} (${me.email})` : <Bone className="w-40" />}</Row>
        <Row label="Team">{me ? `${me.team}, ${me.role}` : <Bone className="w-24" />}</Row>
      </Section>
      <Limits />
      <Health />
      <Section title="API">
        <Row label="Reference">
          <a href="/docs" className="underline underline-offset-2">
            Every call, with examples
          </a>
        </Row>
        <Row label="OpenAPI document">
          <a href="/api/v1/openapi.json" className="underline underline-offset-2">
            /api/v1/openapi.json
          </a>
        </Row>
      </Section>
    </div>
  );
}

function RealModel() {
  return (
    <div className="mt-3 rounded-md border border-warn/40 bg-warn/5 px-3 py-2.5">
      <p className="font-medium text-warn">Simulation: no model key is set.</p>
      <p className="mt-1 text-muted">
        Set <code className="font-mono text-xs text-ink">ANTHROPIC_API_KEY</code> for Claude, or{" "}
        <code className="font-mono text-xs text-ink">OLLAMA_HOST</code> for a local model, and start Fabrica
        again. Budgets and caps apply to every provider.
      </p>
    </div>
  );
}

function Limits() {
  const trpc = useTRPC();
  const stats = useQuery(trpc.queue.stats.queryOptions({}));
  return (
    <Section title="Limits">
      <Row label="Budget of a day">
        {stats.data ? (
          <>
            {formatUsd(stats.data.budget_day_usd)}, {formatUsd(stats.data.spent_today_usd)} spent today:{" "}
            <a href="/costs" className="underline underline-offset-2">
              Costs
            </a>
          </>
        ) : (
          <Bone className="w-40" />
        )}
      </Row>
      <Row label="Budget of a job">set with the job, else BUDGET_JOB_USD</Row>
    </Section>
  );
}

function Health() {
  const trpc = useTRPC();
  const health = useQuery(trpc.health.detailed.queryOptions({}));
  return (
    <Section title="Health">
      {health.isPending && <BoneRows rows={3} label="Health is being fetched" />}
      {health.isError && <ErrorNote error={health.error} onRetry={() => health.refetch()} />}
      {health.data && (
        <>
          <Row label="Version">{health.data.version}</Row>
          {Object.entries(health.data.components).map(([name, { ok, detail }]) => (
            <Row key={name} label={name}>
              <span className={cx("inline-flex items-start gap-1.5", ok ? "text-good" : "text-bad")}>
                <Icon name={ok ? "check" : "warning"} className="mt-0.5" />
                <span className="text-ink wrap-anywhere">{detail}</span>
              </span>
            </Row>
          ))}
        </>
      )}
    </Section>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="mb-8">
      <h2 className="mb-1 border-b hairline pb-2 font-semibold">{title}</h2>
      {children}
    </section>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="grid min-h-9 items-center gap-x-4 py-1 sm:grid-cols-[12rem_minmax(0,1fr)]">
      <span className="text-muted first-letter:uppercase">{label}</span>
      <div className="min-w-0 wrap-anywhere">{children}</div>
    </div>
  );
}
