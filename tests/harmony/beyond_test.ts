/** What the main entry has beyond the guide, by `./harmony`: it is there, and its types know of it. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import webSocket, { type BusinessError } from "../../harmony.ts";
import { within } from "../helpers/client.ts";

describe("./harmony, beyond the guide", () => {
  it("has who is there, contexts, acknowledgements, and what was missed over a break", async () => {
    const told: unknown[] = [];
    const server = webSocket.createWebSocketServer({ history: true, presence: true });
    server.on("broker", ({ up }) => told.push(up)); // there is none: it is never told
    const came = new Promise<number>((resolve) =>
      server.once("presence", ({ joined }) => resolve(joined.length))
    );
    server.on("messageReceive", ({ data, mayRepeat }) => void told.push([data, mayRepeat]));
    const connected = new Promise<webSocket.WebSocketConnection>((resolve) =>
      server.on("connect", async (connection) => {
        await server.join(connection, "chess");
        resolve(connection);
      })
    );
    const authorize = ({ headers }: Request) => {
      const user = headers.get("x-user");
      return user === null ? new Response(null, { status: 401 }) : { user };
    };
    await server.start({ serverPort: 0, serverIP: "127.0.0.1", authorize });
    const url = `ws://127.0.0.1:${server.address!.port}/`;

    const refused = new Promise<BusinessError>((resolve) => server.once("error", resolve));
    const stranger = webSocket.createWebSocket();
    await stranger.connect(url);
    const { clientIP, clientPort, reason } = await within(refused);
    assertEquals([clientIP, typeof clientPort, reason], [
      "127.0.0.1",
      "number",
      "authorize_rejected",
    ]);
    await stranger.closed.catch(() => {});

    const ws = webSocket.createWebSocket({ reconnect: { minDelay: 0.01 }, resume: true });
    const recovered = new Promise((resolve) => ws.on("recovered", resolve));
    await ws.connect(url, { header: { "x-user": "Ada" } });
    const connection = await within(connected);
    assertEquals(connection.context, { user: "Ada" });
    assertEquals(await within(came), 1);
    assertEquals(await within(ws.send("e4", { acknowledge: true })), true);
    const answered = new Promise((resolve) =>
      ws.send("d4", { acknowledge: true }, (err, value) => resolve([err, value]))
    );
    assertEquals(await within(answered), [undefined, true]);
    assertEquals(told, [["e4", undefined], ["d4", undefined]]);
    await server.terminate(connection);
    assertEquals(await within(recovered), { topic: "chess", recovered: true, missed: 0 });
    await ws.close();
    await within(ws.closed);
    await server.stop();
  });
});
