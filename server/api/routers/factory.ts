import { z } from "zod";
import { factoryView } from "../../domain/outputs";
import { getFactory } from "../../services/factory/get-factory";
import { router, teamProcedure } from "../trpc";

export const factoryRouter = router({
  info: teamProcedure
    .meta({ openapi: { method: "GET", path: "/factory", tags: ["Factory"], summary: "The model in use" } })
    .input(z.strictObject({}))
    .output(factoryView)
    .query(() => getFactory()),
});
