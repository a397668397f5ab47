// @ts-check
/** This module's client as the standard's class. */
import process from "node:process";
import { listener, url } from "./common.mjs";

const module = process.env["BENCH_MODULE"] ?? new URL("../../mod.ts", import.meta.url).href;
/** @type {typeof import("../../standard.ts")} */
const { WebSocket } = await import(new URL("standard.ts", module).href);
const ws = new WebSocket(url);
ws.binaryType = "arraybuffer";
const listen = listener((text) => ws.send(text));
ws.onmessage = (/** @type {{ data: unknown }} */ { data }) => listen(data);
