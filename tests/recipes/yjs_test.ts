/** Yjs: y-websocket against a server of ours, and Hocuspocus on both sides. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Hocuspocus } from "@hocuspocus/server";
import { createDecoder, readVarUint8Array } from "lib0/decoding";
import * as Y from "yjs";
import { hocuspocusClient, hocuspocusServer } from "../../docs/recipes/hocuspocus.ts";
import { yjsClient, yjsServer } from "../../docs/recipes/yjs.ts";
import { within } from "../helpers/client.ts";
import { next } from "../helpers/sockets.ts";
import { until } from "../helpers/until.ts";

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
    // Of one URL they would speak past the server.
    const providers = [one, two].map((doc, n) => yjsClient(url, `room?n=${n}`, doc));
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
    const message = [1, 6, 1, 7, 1, 2, 123, 125]; // client 7, for the first time: {}
    const heard = within(
      new Promise<void>((resolve) => {
        socket.onmessage = ({ data }) => {
          if (String(new Uint8Array(data)) === String(message)) resolve();
        };
      }),
    );
    socket.send(new Uint8Array(message));
    await heard;
    socket.close();
    await next(socket, "close");
    for (const provider of providers) provider.destroy();
    for (const doc of [one, two]) doc.destroy();
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 400)); // as above
  });
});

describe("who is in a document", () => {
  /** Three providers that know each other, each with a URL of its own, as above. */
  async function three() {
    const server = yjsServer();
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const url = `ws://127.0.0.1:${server.address!.port}`;
    const docs = [0, 1, 2].map(() => new Y.Doc());
    const providers = docs.map((doc, n) => yjsClient(url, `room?n=${n}`, doc));
    const seenBy = (n: number) =>
      Array.from(providers[n]!.awareness.getStates().values(), ({ name }) => name).sort().join("");
    const all = (names: string) => until(names, () => [0, 1, 2].every((n) => seenBy(n) === names));
    await until("all are connected", () => providers.every(({ synced }) => synced));
    providers.forEach(({ awareness }, n) => awareness.setLocalState({ name: "ABC"[n] }));
    await all("ABC");
    return {
      ...{ all, docs, providers, seenBy, server },
      /** Someone who says nothing: what they are told of who is there, and the text. */
      async guest() {
        const socket = new WebSocket(`${url}/room`);
        socket.binaryType = "arraybuffer";
        const told: string[] = [];
        const doc = new Y.Doc();
        socket.onmessage = ({ data }) => {
          const bytes = new Uint8Array(data);
          if (bytes[0] === 1) told.push(String.fromCharCode(...bytes));
          else if (bytes[1] === 2) {
            Y.applyUpdate(doc, readVarUint8Array(createDecoder(bytes.subarray(2))));
          }
        };
        await next(socket, "open");
        const names = () => [...new Set(told.join("").match(/(?<="name":")\w/g))].sort().join("");
        return { doc, names, socket, told };
      },
      async end(...sockets: WebSocket[]) {
        for (const socket of sockets) {
          socket.close();
          await next(socket, "close");
        }
        for (const provider of providers) provider.destroy();
        for (const doc of docs) doc.destroy();
        await server.stop();
        await new Promise((resolve) => setTimeout(resolve, 400)); // as above
      },
    };
  }

  it("is told once for each change, and all of it to who comes later", async () => {
    const { all, docs, end, guest, providers, seenBy } = await three();
    const first = await guest();
    await until("one is told of all", () => first.names() === "ABC");
    providers[0]!.awareness.setLocalState({ name: "D" });
    await all("BCD");
    // What each of them may have said to that has come before what they write now.
    for (const doc of docs) doc.getText("t").insert(0, "x");
    await until("the text", () => first.doc.getText("t").length === 3);
    assertEquals(first.names(), "ABCD");
    assertEquals(first.told, [...new Set(first.told)]);
    providers[1]!.destroy();
    await until("one has left", () => seenBy(0) === "CD" && seenBy(2) === "CD");
    const second = await guest();
    await until("the next is told of the others", () => second.names() === "CD");
    await end(first.socket, second.socket);
  });

  it("is told when one is lost, and when that is back", async () => {
    const { end, providers, seenBy, server } = await three();
    providers[0]!.shouldConnect = false;
    await server.terminate(server.listAllConnections().find(({ url }) => url.endsWith("n=0"))!);
    await until("it is gone", () => seenBy(1) === "BC" && seenBy(2) === "BC");
    providers[0]!.connect();
    // Not first when it says so again by itself, after 12 s or more.
    await until("it is back", () => seenBy(1) === "ABC" && seenBy(2) === "ABC", 8000);
    await end();
  });
});

describe("a server for bytes", () => {
  // Of text that is a number `new Uint8Array` would make as many bytes.
  for (const [name, make] of Object.entries({ Hocuspocus: hocuspocusServer, Yjs: yjsServer })) {
    it(`refuses text: ${name}`, async () => {
      const server = make();
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      const socket = new WebSocket(`ws://127.0.0.1:${server.address!.port}/page`);
      await next(socket, "open");
      socket.send("1000000");
      assertEquals((await next(socket, "close")).code, 1003);
      await server.stop();
    });
  }
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
