import { takesMessages } from "../../domain/messages";
import type { MessageView } from "../../domain/steering";
import type { Job, JobMessage } from "../../generated/prisma/client";

/** A message as the API shows it, with what became of it. */
export function toMessageView(
  message: JobMessage & { agentRun: { key: string } | null },
  job: Pick<Job, "run" | "state">,
): MessageView {
  const over = message.run !== job.run || !takesMessages(job.state);
  const read = message.deliveredAt !== null;
  return {
    message_id: String(message.id),
    run: message.run,
    author: message.author,
    text: message.text,
    created_at: message.createdAt.toISOString(),
    state: read ? "read" : over ? "unread" : "waiting",
    agent_run: read ? (message.agentRun?.key ?? null) : null,
    turn: read ? message.turn : null,
    read_at: message.deliveredAt?.toISOString() ?? null,
  };
}
