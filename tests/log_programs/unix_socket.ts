/** A server on a Unix socket: where it listens, who comes, and what it takes beside. */

import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const folder = mkdtempSync(join(tmpdir(), "ws-"));
const unixPath = join(folder, "s");
/** An answer with the folder's name, which differs, taken out. */
const told = (call: Promise<unknown>) =>
  call.catch((error: { code: number; message: string }) =>
    `${error.code} ${error.message.replaceAll(folder, "FOLDER")}`
  );

const server = watchServer(createWebSocketServer());
server.on("connect", (connection) => {
  const { url, protocol } = connection;
  say(String(connection), url, protocol, connection);
});
say("start", await told(server.start({ unixPath, protocol: ["a", "b"] })));
const { hostname, port, path } = server.address!;
say("address", hostname, port, path === unixPath);
say("start again", await told(server.start({ unixPath })));
say("another", await told(createWebSocketServer().start({ unixPath })));
for (const beside of [{ serverPort: 0 }, { serverIP: "::1" }, { reusePort: false }]) {
  await sayAnswer("beside", createWebSocketServer().start({ unixPath, ...beside } as never));
}

// What a proxy does.
const proxy = createServer((client) => {
  const target = connect(unixPath);
  client.pipe(target).pipe(client);
  for (const socket of [client, target]) socket.on("error", () => {});
});
await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
const { port: door } = proxy.address() as { port: number };
for (const protocol of ["b", "b,a", "c"]) {
  say("-- a client that offers", protocol);
  const ws = watchClient(createWebSocket());
  const connected = next(server, "connect");
  await ws.connect(`ws://127.0.0.1:${door}/way?x`, { protocol });
  if (await ws.opened.catch(() => undefined) === undefined) continue;
  await connected;
  const left = next(server, "close");
  await ws.close();
  await Promise.all([ws.closed, left]);
}
await sayAnswer("stop", server.stop());
proxy.close();
rmSync(folder, { recursive: true, force: true });
