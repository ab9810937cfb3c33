import { refuseMethod } from "@/server/api/http/refuse-method";
import { handleTranscript } from "@/server/api/http/transcript";

export const dynamic = "force-dynamic";

export async function GET(request: Request, { params }: { params: Promise<{ id: string }> }) {
  return handleTranscript(request, (await params).id);
}

const refuse = (request: Request) => refuseMethod(request, ["GET"]);

export { refuse as DELETE, refuse as PATCH, refuse as POST, refuse as PUT };
