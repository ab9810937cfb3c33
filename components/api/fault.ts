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
}

/** Reads an error of the API client; anything else becomes "could not be reached". */
export function readFault(error: unknown): Fault {
  const data = (error as { data?: FaultData | null } | null)?.data;
  const httpStatus = typeof data?.httpStatus === "number" ? data.httpStatus : null;
  const id = data?.requestId;
  if (httpStatus === null) {
    return { text: "Fabrica could not be reached.", requestId: null, transient: true, httpStatus };
  }
  return {
    text: error instanceof Error ? error.message : String(error),
    requestId: typeof id === "string" ? id : null,
    transient: httpStatus >= 500,
    httpStatus,
  };
}
