// @ts-check
/** This module's server where each message is waited for until the system has taken it. */
import { ready } from "./common.mjs";
import { makeServer, start } from "./our_server.mjs";

const server = makeServer();
server.on("messageReceive", async ({ clientConnection, data }) => {
  await server.send(data, clientConnection);
  await server.drained(clientConnection);
});
ready(await start(server));
