// @ts-check
/** This module in a server of the runtime's own, which answers what is no upgrade. */
import { Bun, Deno, ready } from "./common.mjs";
import { config, server } from "./our_server.mjs";

const mount = await server.mount(config);

/** @param {Request} request @param {unknown} info */
const fetch = (request, info) => mount.fetch(request, info) ?? new Response(null, { status: 426 });

const options = { hostname: "127.0.0.1", port: 0 };
if (Bun) ready(Bun.serve({ ...options, fetch, websocket: mount.websocket }).port);
else ready(Deno.serve({ ...options, onListen() {} }, fetch).addr.port);
