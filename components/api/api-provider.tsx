"use client";
// One query cache and one API client a tab. Failed changes show themselves as a notice with the request id.
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createTRPCClient, httpBatchLink } from "@trpc/client";
import { type ReactNode, useState } from "react";
import superjson from "superjson";
import { showNotice } from "@/components/ui/notices";
import type { AppRouter } from "@/server/api/root";
import { readFault } from "./fault";
import { TRPCProvider } from "./trpc";

/** The API refuses larger batches. */
const MAX_BATCH = 10;

/** A session that ended leads to the sign-in, wherever it is noticed. */
function leaveWhenSignedOut(error: unknown): void {
  if (readFault(error).httpStatus === 401) window.location.assign("/sign-in");
}

function makeQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: leaveWhenSignedOut }),
    mutationCache: new MutationCache({
      onError: (error) =>
        showNotice({ tone: "bad", text: readFault(error).text, id: readFault(error).requestId }),
    }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => readFault(error).transient && failures < 3,
        retryDelay: (attempt) => Math.min(8_000, 400 * 2 ** attempt),
      },
    },
  });
}

function makeApiClient() {
  return createTRPCClient<AppRouter>({
    links: [httpBatchLink({ url: "/api/trpc", transformer: superjson, maxItems: MAX_BATCH })],
  });
}

export function ApiProvider({ children }: { children: ReactNode }) {
  const [queryClient] = useState(makeQueryClient);
  const [apiClient] = useState(makeApiClient);
  return (
    <QueryClientProvider client={queryClient}>
      <TRPCProvider trpcClient={apiClient} queryClient={queryClient}>
        {children}
      </TRPCProvider>
    </QueryClientProvider>
  );
}
