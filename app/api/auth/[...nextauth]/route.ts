import { handleBrowserAuth } from "@/server/api/http/browser-auth";

export { handleBrowserAuth as GET, handleBrowserAuth as POST };
