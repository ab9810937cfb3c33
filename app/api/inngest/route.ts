import { serveFunctions } from "@/inngest/serve";

export const dynamic = "force-dynamic";

export { serveFunctions as GET, serveFunctions as POST, serveFunctions as PUT };
