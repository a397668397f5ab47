import { bunServer } from "./bun/server.ts";
import type { ServerRuntime } from "./contract.ts";
import { denoServer } from "./deno/server.ts";
import { noServer } from "./web/no_server.ts";

/** The runtime this program runs on, as a server. */
export const serverRuntime: ServerRuntime = bunServer() ?? denoServer() ?? noServer();
