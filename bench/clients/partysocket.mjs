// @ts-check
/** partysocket's WebSocket, which connects again by itself. */
import { listener, url } from "./common.mjs";

const { WebSocket } = await import(/** @type {string} */ ("partysocket"));
const ws = new WebSocket(url);
ws.binaryType = "arraybuffer";
const listen = listener((text) => ws.send(text));
ws.onmessage = /** @param {MessageEvent} event */ ({ data }) => listen(data);
