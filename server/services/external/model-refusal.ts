// Refusals of the metered way to a model, in the form in which the Messages API refuses.

/** `type` is one of the API's own, so that its clients know what to do. */
export class ModelRefusal extends Error {
  override name = "ModelRefusal";
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    /** Seconds after which trying again makes sense. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** The answer that says so. */
export function modelError({ status, type, message, retryAfter }: ModelRefusal): Response {
  return Response.json(
    { type: "error", error: { type, message } },
    // Without money, or without the lease, asking again is of no use, whatever a client does by itself.
    {
      status,
      headers: {
        ...(retryAfter !== null && { "retry-after": String(retryAfter) }),
        ...([402, 404, 409, 410].includes(status) && { "x-should-retry": "false" }),
      },
    },
  );
}
