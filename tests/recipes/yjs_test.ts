/** Yjs: y-websocket against a server of ours, and Hocuspocus on both sides. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Hocuspocus } from "@hocuspocus/server";
import * as Y from "yjs";
import { hocuspocusClient, hocuspocusServer } from "../../docs/recipes/hocuspocus.ts";
import { yjsClient, yjsServer } from "../../docs/recipes/yjs.ts";
import { within } from "../helpers/client.ts";
import { next } from "../helpers/sockets.ts";

/** Waits until a document has this text. */
function hasText(doc: Y.Doc, text: string): Promise<void> {
  return within(
    new Promise((resolve) => {
      const look = () => {
        if (doc.getText("t").toString() !== text) return;
        doc.off("update", look);
        resolve();
      };
      doc.on("update", look);
      look();
    }),
  );
}

describe("y-websocket", () => {
  it("shares a document, and catches up after it was cut off", async () => {
    const server = yjsServer();
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const url = `ws://127.0.0.1:${server.address!.port}`;
    const [one, two] = [new Y.Doc(), new Y.Doc()];
    const providers = [one, two].map((doc) => yjsClient(url, "room", doc));
    one.getText("t").insert(0, "hello");
    await hasText(two, "hello");
    two.getText("t").insert(5, " you");
    await hasText(one, "hello you");
    // All are cut off; both write meanwhile.
    for (const connection of server.listAllConnections()) await server.terminate(connection);
    one.getText("t").insert(0, "> ");
    two.getText("t").insert(two.getText("t").length, "!");
    await Promise.all([hasText(one, "> hello you!"), hasText(two, "> hello you!")]);
    for (const provider of providers) provider.destroy();
    for (const doc of [one, two]) doc.destroy();
    await server.stop();
    // The library leaves its timer for the next attempt.
    await new Promise((resolve) => setTimeout(resolve, 400));
  });

  it("says who is there, to the one who says so, too, whatever stands behind the path", async () => {
    const server = yjsServer();
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const url = `ws://127.0.0.1:${server.address!.port}`;
    const [one, two] = [new Y.Doc(), new Y.Doc()];
    const providers = [one, two].map((doc, n) => yjsClient(url, `room?token=${n}`, doc));
    const [first, second] = providers.map(({ awareness }) => awareness);
    one.getText("t").insert(0, "hello");
    await hasText(two, "hello");
    const seen = within(
      new Promise<void>((resolve) =>
        second!.on("change", () => {
          const states = Array.from(second!.getStates().values(), ({ name }) => name);
          if (states.includes("Ada")) resolve();
        })
      ),
    );
    first!.setLocalState({ name: "Ada" });
    await seen;
    // Who comes later is told at once; the library itself says it again every 15 s.
    const socket = new WebSocket(`${url}/room`);
    socket.binaryType = "arraybuffer";
    await within(
      new Promise<void>((resolve) => {
        socket.onmessage = ({ data }) => {
          if (new TextDecoder().decode(data).includes('"name":"Ada"')) resolve();
        };
      }),
      10_000,
    );
    // Where nothing has come for 30 s, the library takes the server for dead.
    const message = new Uint8Array([1, 1, 0]);
    const heard = within(
      new Promise<void>((resolve) => {
        socket.onmessage = ({ data }) => {
          if (String(new Uint8Array(data)) === String(message)) resolve();
        };
      }),
    );
    socket.send(message);
    await heard;
    socket.close();
    await next(socket, "close");
    for (const provider of providers) provider.destroy();
    for (const doc of [one, two]) doc.destroy();
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 400)); // as above
  });
});

describe("Hocuspocus", () => {
  it("shares a document between two providers, and knows who asked; `destroy` of a provider ends its connection", async () => {
    const asked: unknown[] = [];
    const hocuspocus = new Hocuspocus({
      quiet: true,
      debounce: 0,
      onConnect: ({ requestHeaders, requestParameters }) => {
        asked.push([requestHeaders.get("upgrade"), requestParameters.get("token")]);
        return Promise.resolve();
      },
    });
    const server = hocuspocusServer(hocuspocus);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const url = `ws://127.0.0.1:${server.address!.port}/?token=t`;
    const [one, two] = [new Y.Doc(), new Y.Doc()];
    const providers = [one, two].map((doc) => hocuspocusClient(url, "page", doc));
    one.getText("t").insert(0, "hello");
    await hasText(two, "hello");
    assertEquals(asked, [["websocket", "t"], ["websocket", "t"]]);
    assertEquals(hocuspocus.getConnectionsCount(), 2);
    const unloaded = within(
      new Promise<string>((resolve) => {
        hocuspocus.configuration.extensions.push({
          afterUnloadDocument: ({ documentName }) => Promise.resolve(resolve(documentName)),
        });
      }),
    );
    const left = within(
      new Promise<void>((resolve) =>
        server.on("close", () => server.listAllConnections().length === 0 && resolve())
      ),
    );
    for (const provider of providers) provider.destroy();
    assertEquals(await unloaded, "page");
    assertEquals(hocuspocus.getConnectionsCount(), 0);
    await left;
    for (const doc of [one, two]) doc.destroy();
    await server.stop();
  });

  it("closes where the client may not", async () => {
    const server = hocuspocusServer(
      new Hocuspocus({ quiet: true, onAuthenticate: () => Promise.reject(new Error("no")) }),
    );
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const doc = new Y.Doc();
    const provider = hocuspocusClient(`ws://127.0.0.1:${server.address!.port}`, "page", doc);
    provider.configuration.token = "wrong";
    const failed = within(
      new Promise((resolve) => provider.on("authenticationFailed", resolve)),
    );
    assertEquals(await failed, { reason: "permission-denied" });
    provider.destroy();
    doc.destroy();
    await server.stop();
  });
});
