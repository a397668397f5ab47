// @ts-check
/** This module's server, its connections in the shape of the WHATWG's WebSocket. */
import { ready } from "./common.mjs";
import { load, makeServer, start } from "./our_server.mjs";

/** @type {typeof import("../../standard.ts")} */
const { socketOf } = await load("standard.ts");

const server = makeServer();
server.on("connect", (connection) => {
  const socket = socketOf(server, connection);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
});
ready(await start(server));
