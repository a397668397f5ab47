import { bunServer } from "./bun_server.ts";
import { denoServer } from "./deno_server.ts";
import type { ServerRuntime } from "./mod.ts";
import { noServer } from "./no_server.ts";

/** The runtime this program runs on, as a server. */
export const serverRuntime: ServerRuntime = bunServer() ?? denoServer() ?? noServer();
