// Runs once before the first request: settings are checked, and what must outlive requests begins and ends here.

export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { startApp } = await import("./server/api/start-app");
  await startApp();
  const { startBackground } = await import("./inngest/start-background");
  startBackground();
  const { serveDirectly } = await import("./server/api/http/direct-routes");
  const { answerWorkerRequest } = await import("./server/api/worker/handle-worker-call");
  const { serveFunctions } = await import("./inngest/serve");
  serveDirectly("/api/worker", answerWorkerRequest);
  serveDirectly("/api/inngest", serveFunctions);
}

/** Told of every error that a page or route threw to Next. */
export async function onRequestError(error: unknown): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { toAppError } = await import("./server/api/errors");
  const { noteAway } = await import("./server/api/http/away-page");
  if (toAppError(error).code === "unavailable") noteAway();
}
