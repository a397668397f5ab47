// @ts-check
/** This module's client, as its documentation shows it, or one that resumes. */
import process from "node:process";
import { listener, url } from "./common.mjs";

/** @type {typeof import("../../mod.ts")} */
const { createWebSocket } = await import(
  process.env["BENCH_MODULE"] ?? "../../mod.ts"
);
const resumes = process.env["BENCH_RESUMES"] !== undefined;
const ws = createWebSocket(resumes ? { reconnect: true, resume: true } : {});
const listen = listener((text) => ws.send(text));
ws.on("message", (_, data) => listen(data));
await ws.connect(url);
