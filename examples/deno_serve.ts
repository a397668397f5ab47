/**
 * WebSocket in a server of `Deno.serve`, at a path of its own. Open the address that it prints; Ctrl-C
 * stops it.
 *
 *     deno run --allow-net examples/deno_serve.ts [port]
 */

import process from "node:process";
import { createWebSocketServer } from "@netkit/websocket";

const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  server.send(`You said: ${data}`, clientConnection);
});
const mount = await server.mount({ path: "/echo" });

const PAGE = `<!doctype html><title>Echo</title><pre></pre><script>
  const ws = new WebSocket("/echo");
  ws.onopen = () => ws.send("Hello from a page!");
  ws.onmessage = ({ data }) => document.querySelector("pre").textContent += data + "\\n";
</script>`;

const ctrlC = new AbortController();
Deno.serve({
  signal: ctrlC.signal,
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 8080),
  onListen: ({ port }) => console.log(`Listening on http://127.0.0.1:${port}/`),
}, (request, info) =>
  mount.fetch(request, info) ??
    new Response(PAGE, { headers: { "content-type": "text/html" } }));

process.once("SIGINT", async () => {
  await server.stop(); // every client is told
  ctrlC.abort(); // not by 'shutdown', which waits for ever for a client that left as it was let in
});
