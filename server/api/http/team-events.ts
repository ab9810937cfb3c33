// GET /api/events: what changed in the team, as hints for pages. Nothing is resumed; a page that comes back looks anew.
import { db as processDb } from "../../db";
import { feedsOf } from "../../services/streams/feeds";
import { errorResponse, toAppError } from "../errors";
import { requestIdOf } from "../request-context";
import type { StreamOptions } from "./job-events";
import { eventStreamResponse } from "./sse";
import { stillThere, streamIdentity } from "./stream-identity";

/** Never throws. */
export async function handleTeamEvents(
  request: Request,
  { db = processDb(), times, listener, idleMs }: StreamOptions = {},
): Promise<Response> {
  const requestId = requestIdOf(request.headers);
  try {
    const identity = await streamIdentity(db, request, []);
    const { teams } = feedsOf(db, listener);
    return eventStreamResponse({
      user: String(identity.actor.userId),
      requestId,
      signal: request.signal,
      stillAllowed: () => stillThere(db, request, identity),
      open: (signal) => teams.watch(identity.actor.teamId, signal, idleMs),
      times,
    });
  } catch (error) {
    return errorResponse(toAppError(error, requestId), requestId);
  }
}
