import { handleTrpc } from "@/server/api/http/trpc";

export const dynamic = "force-dynamic";

const handle = (request: Request) => handleTrpc(request);

export { handle as GET, handle as POST };
