// @ts-check
/** This module's server in the shape of npm's ws. */
import { wsServer } from "../../node.ts";
import { ready } from "./common.mjs";
import { makeServer, start } from "./our_server.mjs";

const server = makeServer();
wsServer(server).on("connection", (/** @type {any} */ socket) => {
  socket.on(
    "message",
    (/** @type {any} */ data, /** @type {boolean} */ binary) => {
      socket.send(binary ? data : String(data));
    },
  );
});
ready(await start(server));
