// @ts-check
/** This module's client as the standard's class. */
import { WebSocket } from "../../standard.ts";
import { listener, url } from "./common.mjs";

const ws = new WebSocket(url);
ws.binaryType = "arraybuffer";
const listen = listener((text) => ws.send(text));
ws.onmessage = (/** @type {{ data: unknown }} */ { data }) => listen(data);
