import type { JobDetailView } from "@/server/domain/outputs";

export type TaskView = JobDetailView["tasks"][number];
