import { handleSetup } from "@/server/api/http/setup";

export const dynamic = "force-dynamic";

export function POST(request: Request) {
  return handleSetup(request);
}
