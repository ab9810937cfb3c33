"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { ButtonLink } from "@/components/ui/button";
import { Icon } from "@/components/ui/icons";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { LearningActions } from "./learning-actions";
import { LearningBody } from "./learning-row";

/** One learning by itself, so that it can be pointed to. */
export function LearningPage({ id }: { id: string }) {
  const trpc = useTRPC();
  const router = useRouter();
  const me = useMe();
  const found = useQuery(trpc.learnings.get.queryOptions({ id }));
  if (found.isPending) return <BoneRows rows={5} label="The learning is being fetched" />;
  if (found.isError) {
    if (readFault(found.error).httpStatus !== 404)
      return <ErrorNote error={found.error} onRetry={() => found.refetch()} />;
    return (
      <Empty icon="bulb" title="There is no such learning" text="It was deleted, or belongs to another team.">
        <ButtonLink href="/learnings">Show all learnings</ButtonLink>
      </Empty>
    );
  }
  const learning = found.data;
  return (
    <article>
      <p className="text-xs text-faint">
        <Link href="/learnings" className="hover:text-ink hover:underline">
          Learnings
        </Link>{" "}
        / {learning.id}
      </p>
      <div className="mt-1 mb-4 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <h1 className="flex min-w-0 items-start gap-2 text-xl font-semibold tracking-tight">
          {learning.pinned && <Icon name="pin" className="mt-1.5 text-accent" />}
          <span className="min-w-0 wrap-anywhere">{learning.title}</span>
        </h1>
        {me && me.role !== "viewer" && (
          <div className="flex flex-wrap gap-2">
            <LearningActions learning={learning} onDeleted={() => router.push("/learnings")} />
          </div>
        )}
      </div>
      <LearningBody learning={learning} />
    </article>
  );
}
