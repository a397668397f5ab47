import { bunClient } from "./bun_client.ts";
import { denoClient } from "./deno_client.ts";
import type { ClientRuntime } from "./mod.ts";
import { webClient } from "./web_client.ts";

/** The runtime this program runs on, as a client. */
export const clientRuntime: ClientRuntime = bunClient() ?? denoClient() ?? webClient();
