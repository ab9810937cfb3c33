"use client";
// What a member may do with a learning: pin it, put it right, delete it.
import { useMutation } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { ConfirmButton } from "@/components/ui/confirm";
import { showNotice } from "@/components/ui/notices";
import type { LearningView } from "@/server/domain/learning";
import { LearningDialog } from "./learning-dialog";
import { useRenewLearnings } from "./use-learnings";

export function LearningActions({ learning, onDeleted }: { learning: LearningView; onDeleted?: () => void }) {
  const { id } = learning;
  const trpc = useTRPC();
  const renew = useRenewLearnings();
  const unpin = useMutation(trpc.learnings.unpin.mutationOptions({ onSettled: () => renew() }));
  const pin = useMutation(trpc.learnings.pin.mutationOptions({ onSettled: () => renew() }));
  const remove = useMutation(
    trpc.learnings.delete.mutationOptions({
      onSuccess: () => {
        renew({ gone: true });
        showNotice({ tone: "good", text: "The learning was deleted." });
        onDeleted?.();
      },
    }),
  );
  const busy = pin.isPending || unpin.isPending || remove.isPending;
  // Drawn as it will be, and as it was again should it be refused.
  const pinned = pin.isPending || (learning.pinned && !unpin.isPending);
  return (
    <>
      <Button icon="pin" disabled={busy} onClick={() => (learning.pinned ? unpin : pin).mutate({ id })}>
        {pinned ? "Unpin" : "Pin"}
      </Button>
      <LearningDialog
        learning={learning}
        opener={(open) => (
          <Button icon="pencil" disabled={busy} onClick={open}>
            Edit
          </Button>
        )}
      />
      <ConfirmButton
        label={remove.isPending ? "Deleting …" : "Delete"}
        icon="close"
        title="Delete this learning?"
        action="Delete it"
        disabled={busy}
        onConfirm={() => remove.mutate({ id })}
      >
        No agent is told it again, and no job brings it back. Its words are erased; only somebody who writes
        it down again does.
      </ConfirmButton>
    </>
  );
}
