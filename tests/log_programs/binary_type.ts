/** Bytes as a Uint8Array where both sides ask for it, and as an ArrayBuffer where none does. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer } from "../helpers/event_log.ts";

/** A message's class and what is in it. */
function shown(data: string | ArrayBuffer | Uint8Array): string {
  if (typeof data === "string") return data;
  const { length, buffer, byteOffset } = new Uint8Array(
    data instanceof ArrayBuffer ? data : data.buffer,
  );
  const own = ArrayBuffer.isView(data) ? data.byteOffset === 0 && data.length === length : true;
  const first = new Uint8Array(buffer, byteOffset)[0] ?? "none";
  return `${data.constructor.name} of ${length}, first ${first}, whole ${own}`;
}

for (const binaryType of ["uint8array", "arraybuffer"] as const) {
  const options = { binaryType } as { binaryType: "uint8array" };
  say(`-- ${binaryType}`);
  const server = createWebSocketServer(options);
  const kept: (string | Uint8Array)[] = [];
  server.on("messageReceive", ({ clientConnection, data }) => {
    say(`server ${shown(data)}`);
    kept.push(data);
    void server.send(data, clientConnection);
  });
  const url = await listen(server as never);
  const ws = createWebSocket(options);
  ws.on("message", (_, data) => say(`client ${shown(data)}`));
  await ws.connect(url);
  await ws.opened;
  for (
    const data of [
      "text",
      Uint8Array.of(1, 2, 3),
      new Uint8Array(0),
      new Uint8Array(70_000).fill(4),
    ]
  ) {
    const end = next(ws, "dataEnd");
    await ws.send(data);
    await end;
  }
  say(`kept: ${kept.map(shown).join("; ")}`);
  const left = next(server, "close");
  await ws.close();
  await ws.closed;
  await left;
  await server.stop();
}
for (const binaryType of ["blob", "nodebuffer", 5]) {
  const wrong = { binaryType } as never;
  await sayAnswer("connect", createWebSocket(wrong).connect("ws://127.0.0.1:1/"));
  await sayAnswer("start", createWebSocketServer(wrong).start({ serverPort: 0 }));
}
