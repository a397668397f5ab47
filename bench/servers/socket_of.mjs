// @ts-check
/** This module's server, its connections in the shape of the WHATWG's WebSocket. */
import { socketOf } from "../../standard.ts";
import { ready } from "./common.mjs";
import { makeServer, start } from "./our_server.mjs";

const server = makeServer();
server.on("connect", (connection) => {
  const socket = socketOf(server, connection);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
});
ready(await start(server));
