// @ts-check
/** This module, on a port of its own. */
import { ready } from "./common.mjs";
import { config, server } from "./our_server.mjs";

await server.start({ serverIP: "127.0.0.1", serverPort: 0, ...config });
ready(server.address?.port ?? 0);
