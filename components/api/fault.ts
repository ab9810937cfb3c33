// Turns whatever an API call threw into a plain sentence, the request id, and whether trying again may help.

export interface Fault {
  text: string;
  requestId: string | null;
  transient: boolean;
  httpStatus: number | null;
}

interface FaultData {
  httpStatus?: unknown;
  requestId?: unknown;
  request_id?: unknown;
}

/** Reads an error of the API client; anything else becomes "could not be reached". */
export function readFault(error: unknown): Fault {
  const data = (error as { data?: FaultData | null } | null)?.data;
  const httpStatus = typeof data?.httpStatus === "number" ? data.httpStatus : null;
  const id = data?.requestId ?? data?.request_id;
  if (httpStatus === null) {
    return { text: "Fabrica could not be reached.", requestId: null, transient: true, httpStatus };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    text: firstIssue(message) ?? message,
    requestId: typeof id === "string" ? id : null,
    transient: httpStatus >= 500,
    httpStatus,
  };
}

/** Validation errors arrive as the JSON of their issues. */
function firstIssue(message: string): string | null {
  if (!message.trimStart().startsWith("[")) return null;
  try {
    const [issue] = JSON.parse(message) as { path?: unknown[]; message?: string }[];
    if (!issue?.message) return null;
    return issue.path?.length ? `${issue.path.join(".")}: ${issue.message}` : issue.message;
  } catch {
    return null;
  }
}
