// @ts-check
/** This module, on a port of its own. */
import { ready } from "./common.mjs";
import { makeAnswering, start } from "./our_server.mjs";

ready(await start(makeAnswering()), async () => {
  const server = makeAnswering();
  return { port: await start(server), stop: () => server.stop() };
});
