/**
 * An echo: a server that sends back whatever comes in, and a client that says a few things to it and
 * leaves. Run the two in two terminals; Ctrl-C stops the server.
 *
 *     deno run --allow-net examples/echo.ts server [port]
 *     deno run --allow-net examples/echo.ts client [url] [message]...
 *
 *     bun examples/echo.ts server [port]
 *     bun examples/echo.ts client [url] [message]...
 */

import process from "node:process";
import { createWebSocket, createWebSocketServer } from "@netkit/websocket";

async function runServer(port = "8080"): Promise<void> {
  const server = createWebSocketServer();
  server.on("connect", (connection) => console.log(`${connection} is here`));
  server.on("messageReceive", ({ clientConnection, data }) => {
    server.send(data, clientConnection);
  });
  server.on("close", (connection, { code, reason }) => {
    console.log(`${connection} has left: ${code} ${reason}`);
  });
  server.on("error", (error) => console.error(error.message));

  const ctrlC = new AbortController();
  process.once("SIGINT", () => ctrlC.abort());
  await server.start({
    serverPort: Number(port),
    serverIP: "127.0.0.1",
    signal: ctrlC.signal,
  });
  console.log(`Listening on ws://127.0.0.1:${server.address!.port}/`);
}

async function runClient(url = "ws://127.0.0.1:8080/", ...messages: string[]): Promise<void> {
  const toSay = messages.length > 0 ? messages : ["Hello!", "How are you?", "Goodbye!"];
  // 'await using' closes it, and waits until it is closed.
  await using ws = createWebSocket();
  await ws.connect(url);
  // What is sent before the connection is open goes out once it is.
  for (const message of toSay) ws.send(message);

  let echoes = 0;
  for await (const echo of ws) {
    console.log(echo);
    if (++echoes === toSay.length) break;
  }
}

const [command, ...args] = process.argv.slice(2);
try {
  if (command === "server") await runServer(...args);
  else if (command === "client") await runClient(...args);
  else console.error("Say which: echo.ts server [port], or echo.ts client [url] [message]...");
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
