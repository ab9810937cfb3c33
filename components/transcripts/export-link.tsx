import { Icon } from "@/components/ui/icons";

/** The whole transcript of a job as a file of JSON lines. */
export function ExportLink({ id }: { id: string }) {
  return (
    <a
      href={`/api/v1/jobs/${id}/transcript`}
      download={`${id}.transcript.jsonl`}
      className="inline-flex h-9 items-center gap-1.5 rounded-md border border-edge/60 bg-raised px-3 font-medium hover:bg-sunken"
    >
      <Icon name="download" />
      Export as JSON lines
    </a>
  );
}
