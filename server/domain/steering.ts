// What people may say to a running job, and how what they said and decided is shown.
import { z } from "zod";
import { cleanText } from "./fields";
import { jobRef } from "./inputs";
import { MESSAGE_LENGTH } from "./messages";

const words = (max: number) => cleanText(max).refine((text) => text.trim() !== "", "must not be empty");

export const sendMessageInput = jobRef.extend({ text: words(MESSAGE_LENGTH) });
export type SendMessageInput = z.infer<typeof sendMessageInput>;

/** `after`: id of the last message that the caller has. */
export const listMessagesInput = jobRef.extend({
  after: z
    .string()
    .regex(/^\d{1,18}$/, "not the id of a message")
    .default("0"),
  limit: z.coerce.number().int().min(1).max(500).default(200),
});
export type ListMessagesInput = z.infer<typeof listMessagesInput>;

/** `version`: the one that was read. Sent along, a decision that is sent twice counts once. */
const version = z.number().int().min(1).max(1_000).optional();

export const approvePlanInput = jobRef.extend({
  version,
  /** The plan as it was edited; left out, it counts as it is. */
  spec: words(200_000).optional(),
});
export type ApprovePlanInput = z.infer<typeof approvePlanInput>;

export const requestChangesInput = jobRef.extend({ version, text: words(MESSAGE_LENGTH) });
export type RequestChangesInput = z.infer<typeof requestChangesInput>;

export const messageView = z.object({
  message_id: z.string(),
  run: z.number(),
  author: z.string(),
  text: z.string(),
  created_at: z.string(),
  /** `waiting`: for the next turn. `read`: by the agent run in its turn. `unread`: the run of the job ended before. */
  state: z.enum(["waiting", "read", "unread"]),
  agent_run: z.string().nullable(),
  turn: z.number().nullable(),
  read_at: z.string().nullable(),
});
export type MessageView = z.infer<typeof messageView>;

export const messagesView = z.object({ messages: z.array(messageView) });

export const PLAN_DECISIONS = ["approved", "changes"] as const;
export type PlanDecision = (typeof PLAN_DECISIONS)[number];

/** One version of a plan that somebody was asked to read. */
export const planVersionView = z.object({
  run: z.number(),
  version: z.number(),
  spec: z.string(),
  written_at: z.string(),
  /** Null while it waits for somebody. */
  decision: z.enum(PLAN_DECISIONS).nullable(),
  decided_by: z.string().nullable(),
  decided_at: z.string().nullable(),
  remarks: z.string().nullable(),
  /** The plan as it was approved, when it was edited. */
  edited_spec: z.string().nullable(),
});
export type PlanVersionView = z.infer<typeof planVersionView>;

/** `waits`: the version that may be decided about now. */
export const plansView = z.object({ waits: z.number().nullable(), versions: z.array(planVersionView) });
