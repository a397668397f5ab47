// @ts-check
/** This module's client, as its documentation shows it. */
import process from "node:process";
import { listener, url } from "./common.mjs";

/** @type {typeof import("../../mod.ts")} */
const { createWebSocket } = await import(
  process.env["BENCH_MODULE"] ?? "../../mod.ts"
);
const ws = createWebSocket();
const listen = listener((text) => ws.send(text));
ws.on("message", (_, data) => listen(data));
await ws.connect(url);
