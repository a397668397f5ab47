// @ts-check
/** This module's server in the shape of npm's ws. */
import { ready } from "./common.mjs";
import { load, makeServer, start } from "./our_server.mjs";

/** @type {typeof import("../../node.ts")} */
const { wsServer } = await load("node.ts");

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
