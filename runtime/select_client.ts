import { bunClient } from "./bun/client.ts";
import type { ClientRuntime } from "./contract.ts";
import { denoClient } from "./deno/client.ts";
import { webClient } from "./web/client.ts";

/** The runtime this program runs on, as a client. */
export const clientRuntime: ClientRuntime = bunClient() ?? denoClient() ?? webClient();
