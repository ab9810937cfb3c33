import { AppError } from "../../domain/errors";
import { errorResponse } from "../errors";
import { requestIdOf } from "../request-context";

/** 405 in the shape of every refusal, with the methods that are accepted. */
export function refuseMethod(request: Request, allowed: readonly string[]): Response {
  const refused = new AppError("method_not_allowed", `This address accepts ${allowed.join(", ")} only.`);
  return errorResponse(refused, requestIdOf(request.headers), { Allow: allowed.join(", ") });
}
