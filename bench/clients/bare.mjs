// @ts-check
/** The control: the runtime's own WebSocket. */
import { listener, url } from "./common.mjs";

const ws = new WebSocket(url);
ws.binaryType = "arraybuffer";
const listen = listener((text) => ws.send(text));
ws.onmessage = (/** @type {MessageEvent} */ { data }) => listen(data);
