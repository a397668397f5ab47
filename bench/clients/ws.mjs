// @ts-check
/** npm's ws as a client; on Bun the name means Bun's own imitation. */
import { WebSocket } from "ws";
import { listener, url } from "./common.mjs";

const ws = new WebSocket(url, { perMessageDeflate: false });
const listen = listener((text) => ws.send(text));
ws.on("message", (/** @type {Uint8Array} */ data) => listen(String(data)));
