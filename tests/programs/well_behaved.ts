/**
 * A client that sends a number, waits for its echo, and sends the next 2 ms later, until the server
 * closes. It then prints how many came back, how many were wrong, how long they took, and how the
 * connection ended; and ends by itself. Argument: the port.
 */

import process from "node:process";
import { createWebSocket } from "../../mod.ts";

const times: number[] = [];
let wrong = 0;
let began = 0;
let errors = 0;
let timer: ReturnType<typeof setTimeout>;
const ws = createWebSocket();

function next(): void {
  began = performance.now();
  ws.send(`${times.length}`).catch(() => {});
}

ws.on("open", () => {
  console.log("open");
  next();
});
ws.on("message", (_, data) => {
  if (data !== `${times.length}`) wrong++;
  times.push(performance.now() - began);
  timer = setTimeout(next, 2);
});
// What was sent in the very instant in which the server stopped is told as not sent, and is no fault.
ws.on("error", ({ kind }) => {
  if (kind !== "unsent") errors++;
});
ws.on("close", (_, { code }) => {
  clearTimeout(timer);
  times.sort((a, b) => a - b);
  const at = (part: number) => Number(times.at(Math.ceil(times.length * part) - 1)!.toFixed(2));
  const trips = { median: at(0.5), p99: at(0.99), slowest: at(1) };
  console.log(JSON.stringify({ count: times.length, wrong, errors, code, ...trips }));
});
await ws.connect(`ws://127.0.0.1:${process.argv[2]}/`);
