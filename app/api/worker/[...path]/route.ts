import { handleWorkerCall } from "@/server/api/worker/handle-worker-call";

export const dynamic = "force-dynamic";

interface Context {
  params: Promise<{ path: string[] }>;
}

const handle = async (request: Request, { params }: Context) =>
  handleWorkerCall(request, (await params).path);

export { handle as GET, handle as POST };
