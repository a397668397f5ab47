/** Acknowledged messages by the WHATWG's class, and what its listeners say of those that come in. */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../mod.ts";
import { socketOf, streamsOf, WebSocket, type WebSocketInit } from "../../standard.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

/** A socket that resumes. */
function open({ clock, network }: NodesInMemory, more: WebSocketInit = {}): WebSocket {
  return new WebSocket("ws://localhost:1/", [], {
    ...{ clock, runtime: network.client, resume: true },
    reconnect: { minDelay: 1, factor: 1, random: () => 1 },
    ...more,
  });
}

const ASKED = { acknowledge: true } as const;

/** What is printed while something is done. */
async function printed(run: () => Promise<void>): Promise<string[]> {
  const { error } = console;
  const lines: string[] = [];
  console.error = (what: unknown) => lines.push(`${(what as BusinessError).kind}`);
  try {
    await run();
  } finally {
    console.error = error;
  }
  return lines;
}

/** What becomes of a message that is to be acknowledged. */
const ask = (socket: WebSocket, data: string | Uint8Array<ArrayBuffer> | Blob): Promise<string> =>
  kindOf(socket.send(data, ASKED));

/** Waits for the end, which is a task of its own. */
const closed = (socket: WebSocket) => new Promise((resolve) => socket.onclose = resolve);

describe("send(data, { acknowledge: true }) of ./standard", () => {
  it("answers with a promise where it is asked to, and with nothing where it is not", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, (data) => {
      if (data === "bad") throw new Error("no");
    });
    const socket = open(nodes);
    assertEquals([socket.send.length, WebSocket.prototype.send.length], [1, 1]);
    const send = socket.send.bind(socket) as (...args: unknown[]) => unknown;
    // What others give beside the data: npm's `ws` a callback and options, `forEach` a number.
    const none = [[], [undefined], [null], [1], [() => {}], [{ binary: true }], ["x"]];
    for (const more of [...none, [{ acknowledge: false }], [{ acknowledge: undefined }]]) {
      assertEquals(send("plain", ...more), undefined);
    }
    const [good, bad] = [ask(socket, "good"), ask(socket, "bad")];
    assertInstanceOf(socket.send("last", ASKED), Promise);
    await nodes.settle();
    assertEquals(await Promise.all([good, bad]), ["true", "refusedByPeer"]);
    assertEquals(nodes.seen, [...Array(9).fill("1 plain"), "1 good", "1 bad", "1 last"]);
    socket.close();
    await nodes.settle();
  });

  it("lets wait as many bytes as the lower of two limits says, and not one more", async () => {
    for (const [maxBufferedAmount, maxQueued] of [[10, 100], [100, 10]] as const) {
      await using nodes = new NodesInMemory();
      const work = Promise.withResolvers<void>();
      await nodes.node({}, {}, () => work.promise);
      const reconnect = { minDelay: 1, factor: 1, random: () => 1, maxQueued };
      const socket = open(nodes, { maxBufferedAmount, reconnect });
      await nodes.settle();
      const answers: Promise<string>[] = [];
      for (const data of ["123456", "1234", "1"]) {
        answers.push(ask(socket, data));
        await nodes.settle(); // it has gone out, and has no answer
      }
      assertEquals([await answers[2], socket.bufferedAmount], ["queueFull", 0]);
      work.resolve();
      await nodes.settle();
      assertEquals(await Promise.all(answers), ["true", "true", "queueFull"]);
      assertEquals(await nodes.clock.until(ask(socket, "1")), "true");
      socket.close();
      await nodes.settle();
    }
  });

  it("refuses what says neither yes nor no with 401", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node();
    const socket = open(nodes);
    await nodes.settle();
    const wrong = { acknowledge: "yes" } as never;
    const error = assertThrows(() => socket.send("a", wrong)) as BusinessError;
    const rule = "Parameter error: send: 'acknowledge' must be true or false: current value is";
    assertEquals([error.code, error.message], [401, `${rule} "yes"`]);
    socket.terminate();
    await closed(socket);
  });

  it("sends again over a break, in its place beside a Blob and what is behind that", async () => {
    await using nodes = new NodesInMemory();
    const seen: string[] = [];
    await nodes.node({}, {}, (data) => {
      seen.push(typeof data === "string" ? data : new TextDecoder().decode(data));
    });
    const socket = open(nodes);
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    assertEquals(socket.readyState, 0);
    const bytes = new Uint8Array([99]);
    const calls = [
      ask(socket, "a"),
      ask(socket, new Blob(["b"])),
      ask(socket, bytes),
    ];
    bytes[0] = 0;
    socket.send("d");
    calls.push(ask(socket, "e"));
    await nodes.back();
    await nodes.settle();
    assertEquals(await Promise.all(calls), ["true", "true", "true", "true"]);
    assertEquals(seen, ["a", "b", "c", "d", "e"]);
    socket.close();
    await nodes.settle();
  });

  it("says of each what became of it when the socket is closed", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => new Promise(() => {}));
    const socket = open(nodes);
    await nodes.settle();
    const seen = ask(socket, "seen");
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    const endless = new Blob(["x"]);
    endless.arrayBuffer = () => new Promise(() => {});
    const calls = [seen, ask(socket, "never"), ask(socket, endless)];
    calls.push(ask(socket, "behind it"));
    socket.send("plain");
    socket.close();
    socket.terminate();
    calls.push(ask(socket, "closing"));
    await closed(socket);
    calls.push(ask(socket, "closed"));
    assertEquals(socket.readyState, 3);
    assertEquals(await Promise.all(calls), [
      ...["unacknowledged", "unsent", "unsent", "unsent", "notOpen", "notOpen"],
    ]);
  });

  it("says of a Blob that is read too late that it was never sent", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const socket = open(nodes);
    await nodes.settle();
    const read = Promise.withResolvers<ArrayBuffer>();
    const blob = new Blob(["x"]);
    blob.arrayBuffer = () => read.promise;
    const call = ask(socket, blob);
    socket.terminate(); // its end is a task of its own
    read.resolve(new ArrayBuffer(1));
    await closed(socket);
    assertEquals([await call, nodes.seen], ["unsent", []]);
  });

  it("says so of one that is never read, be it empty", async () => {
    for (const text of ["x", ""]) {
      await using nodes = new NodesInMemory();
      await nodes.node({}, {}, () => {});
      const socket = open(nodes);
      await nodes.settle();
      const blob = new Blob([text]);
      blob.arrayBuffer = () => new Promise(() => {});
      const call = ask(socket, blob);
      socket.terminate();
      await closed(socket);
      assertEquals([text, await call, socket.bufferedAmount], [text, "unsent", text.length]);
    }
  });

  it("sends a Blob before it closes, and what is behind it", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const socket = open(nodes);
    await nodes.settle();
    const calls = [ask(socket, new Blob(["x"])), ask(socket, "y")];
    socket.close();
    await nodes.settle();
    // Nobody waits for the answers when it closes.
    assertEquals(nodes.seen, ["1 [object ArrayBuffer]", "1 y"]);
    for (const kind of await Promise.all(calls)) assert(/^(true|unacknowledged)$/.test(kind), kind);
  });

  it("is refused where there is no 'resume', where the server has no history, and where it is too much", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({ history: false });
    const plain = open(nodes, { resume: false });
    const foreign = open(nodes);
    const small = open(nodes, { maxPayload: 10, maxBufferedAmount: 5 });
    const calls = [
      ask(plain, "a"),
      ask(plain, new Blob(["a"])),
      ask(foreign, "a"),
      ask(small, "x".repeat(11)),
      ask(small, "x".repeat(6)),
    ];
    const shared = new Uint8Array(new SharedArrayBuffer(1));
    await nodes.settle();
    const answer: Promise<unknown> = plain.send(shared, ASKED);
    assertEquals(await answer.catch((cause) => cause.name), "TypeError");
    assertEquals(await Promise.all(calls), [
      ...["argument", "argument", "argument", "argument", "queueFull"],
    ]);
    for (const socket of [plain, foreign, small]) socket.close();
    await nodes.settle();
  });

  it("is refused where a Blob cannot be read, and so is what is behind it", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const socket = open(nodes);
    await nodes.settle();
    const blob = new Blob(["x"]);
    blob.arrayBuffer = () => Promise.reject(new Error("the file is gone"));
    const calls = [ask(socket, blob), ask(socket, "behind it")];
    await nodes.settle();
    assertEquals(await Promise.all(calls), ["unsent", "unsent"]);
    assertEquals(nodes.seen, []);
    await nodes.settle();
  });

  it("is there for a server's connection, too", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const [ws] = [await nodes.client()];
    ws.on("message", (_err, data) => {
      if (data === "bad") throw new Error("no");
    });
    const [connection] = server.listAllConnections();
    const socket = socketOf(server, connection!);
    const calls = [ask(socket, "good"), ask(socket, "bad")];
    calls.push(ask(socket, new Blob(["x"])));
    await nodes.settle();
    await nodes.settle();
    assertEquals(await Promise.all(calls), ["true", "refusedByPeer", "true"]);
    nodes.cut();
    await nodes.settle();
    assertEquals(await ask(socket, "late"), "notOpen");
  });
});

describe("a socket of ./standard that is to acknowledge", () => {
  it("has done with a message when its listeners have, and says where one fails", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const socket = open(nodes);
    await nodes.settle();
    const [connection] = server.listAllConnections();
    const send = (data: string) => kindOf(server.send(data, connection!, ASKED));
    const unheard = send("nobody listens");
    await nodes.settle();
    const done = Promise.withResolvers<void>();
    socket.onmessage = ({ data }): unknown => {
      if (data === "throws") throw new Error(data);
      if (data === "rejects") return Promise.reject(new Error(data));
      return data === "waits" ? done.promise : 1;
    };
    socket.addEventListener("message", { handleEvent() {} });
    const calls: Promise<string>[] = [];
    const lines = await printed(async () => {
      calls.push(unheard, send("throws"), send("rejects"), send("is well"));
      await nodes.settle();
    });
    assertEquals(lines, ["listenerFailed", "listenerFailed"]);
    assertEquals(await Promise.all(calls), [
      "refusedByPeer",
      "refusedByPeer",
      "refusedByPeer",
      "true",
    ]);
    let answered = false;
    const waits = send("waits").finally(() => answered = true);
    await nodes.settle();
    assertEquals(answered, false);
    done.resolve();
    await nodes.settle();
    assertEquals(await waits, "true");
    socket.close();
    await nodes.settle();
  });

  it("does so as a server's, beside the server's own listeners", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const ws = await nodes.client();
    const [connection] = server.listAllConnections();
    streamsOf(server, connection!); // which hears of it, too
    const socket = socketOf(server, connection!);
    const done = Promise.withResolvers<void>();
    socket.onmessage = ({ data }): unknown => {
      if (data === "throws") throw new Error(data);
      return data === "rejects" ? Promise.reject(new Error(data)) : done.promise;
    };
    const calls: Promise<string>[] = [];
    const lines = await printed(async () => {
      calls.push(...["throws", "rejects"].map((data) => kindOf(ws.send(data, ASKED))));
      await nodes.settle();
    });
    assertEquals(lines, ["listenerFailed", "listenerFailed"]);
    assertEquals(await Promise.all(calls), ["refusedByPeer", "refusedByPeer"]);
    let answered = false;
    const waits = ws.send("waits", ASKED).finally(() => answered = true);
    await nodes.settle();
    assertEquals(answered, false);
    done.resolve();
    await nodes.settle();
    assertEquals(await kindOf(waits), "true");
    assertEquals(nodes.errors, []);
  });

  it("answers once, whatever fails afterwards", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const ws = await nodes.client({ resume: false, reconnect: false }, "resume.netkit.1");
    const heard: unknown[] = [];
    ws.on("message", (_err, data) => heard.push(data));
    await ws.send('{"resume":1}\n');
    await nodes.settle();
    const [connection] = server.listAllConnections();
    socketOf(server, connection!).onmessage = ({ data }) => {
      if (data === "bad") throw new Error("no");
    };
    const lines = await printed(async () => {
      await ws.send("#1\ngood");
      await ws.send("\nbad");
      await nodes.settle();
    });
    assertEquals([lines, heard], [["listenerFailed"], ['{"ack":1}\n']]);
  });
});
