/**
 * The runtime's own server answers with a control character in a header. Our module is not in it.
 */

import { connect } from "node:net";
import process from "node:process";
import { onDeno } from "../helpers/programs.ts";
import { header } from "../peers/raw.ts";
import { bun, deno } from "../runtime/bare.ts";

const answer = () => new Response("", { headers: { "x-own": "a\x01b" } });
const where = { port: 0, hostname: "127.0.0.1" };
const port = onDeno
  ? deno.serve({ ...where, onListen() {} }, answer).addr.port
  : bun.serve({ ...where, fetch: answer }).port;
const socket = connect(
  port,
  where.hostname,
  () => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
);
socket.once("data", (answer) => {
  console.log(header(String(answer), "x-own") === "a\x01b");
  process.exit(0);
});
