import { handleTeamEvents } from "@/server/api/http/team-events";

export const dynamic = "force-dynamic";

export function GET(request: Request) {
  return handleTeamEvents(request);
}
