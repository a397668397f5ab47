/** What is done to a connection of Bun's server, and told of it, as Bun's own is one that writes down all. */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import {
  BunAcceptor,
  type BunAcceptorParts,
  type BunConnection,
  type BunHost,
} from "../../runtime/bun/acceptor.ts";
import { BunMount } from "../../runtime/bun/mount.ts";
import type { AcceptorEvents, Address, End, MountOptions } from "../../runtime/contract.ts";
import type { HostWebSocketHandler } from "../../mod.ts";

/** A connection of Bun's. */
class Ws {
  readonly calls: unknown[][] = [];
  data!: BunConnection;
  binaryType = "nodebuffer";
  queued = 0;
  readonly getBufferedAmount = () => this.queued;
  readonly send = this.#does("send");
  readonly sendText = this.#does("sendText");
  readonly ping = this.#does("ping");
  readonly pause = this.#does("pause");
  readonly resume = this.#does("resume");
  readonly close = this.#does("close");
  readonly terminate = this.#does("terminate");
  readonly subscribe = this.#does("subscribe");
  readonly unsubscribe = this.#does("unsubscribe");
  readonly publish = this.#does("publish");

  /** A method that writes down its call, and answers as `send` does. */
  #does(name: string) {
    return (...args: unknown[]) => {
      this.calls.push([name, ...args]);
      return this.queued > 0 ? -1 : 1;
    };
  }
}

/** What answers requests, and all that is told of the connections. */
function deciding(admission: object = {}) {
  const told: unknown[] = [];
  const tell = (name: string) => (...args: unknown[]) => void told.push([name, ...args]);
  const events = {
    request: (_: Request, { hostname, port }: Address) => ({
      protocol: "",
      open: () => told.push(["open", `${hostname} ${port}`]),
      message: tell("message"),
      alive: tell("alive"),
      closed: ({ code, tooBig }: End) => told.push(["closed", code, tooBig]),
      ...admission,
    }),
    hostFault: (why: string) => told.push(["fault", why]),
  } as unknown as AcceptorEvents;
  return { events, told };
}

/** A server of Bun's that tells a handler of each that it upgrades, which becomes `ws`. */
function hostOf(handler: HostWebSocketHandler, ws: Ws, port: number | undefined = 80) {
  const host = {
    port,
    calls: [] as unknown[][],
    headers: undefined as Headers | undefined,
    requestIP: () => ({ address: "127.0.0.1", port: 5 }),
    publish: (...args: unknown[]) => host.calls.push(args),
    upgrade(_: Request, { data, headers }: { data: BunConnection; headers?: Headers }) {
      ws.data = data;
      host.headers = headers;
      void handler.open!(ws);
      return true;
    },
  };
  return host;
}

const request = (headers: Record<string, string> = {}) =>
  new Request("http://localhost/", { headers });

/** A connection that is open, to an acceptor with these options. */
function opened(parts: Partial<BunAcceptorParts> = {}, admission = {}, headers = {}) {
  const { events, told } = deciding(admission);
  const acceptor = new BunAcceptor({
    ...{ maxPayload: 1000, binaryType: undefined, events, topicPrefix: "", hostFault() {} },
    ...parts,
  });
  const handler = acceptor.handler();
  const ws = new Ws();
  const host = hostOf(handler, ws);
  void acceptor.accept(request(headers), host as unknown as BunHost);
  return { acceptor, handler, host, socket: ws.data, told, ws };
}

const OPEN = ["open", "127.0.0.1 5"];
const BYTES = Uint8Array.from([1, 2]);

describe("a connection of Bun's server", () => {
  it("passes on what is asked of it", () => {
    const { socket, ws } = opened();
    socket.send("text");
    socket.send(BYTES);
    socket.ping();
    socket.pause();
    socket.resume();
    socket.terminate();
    socket.close(1001, "going");
    socket.closeOnceDrained(); // nothing is held any more
    assertEquals(ws.calls, [
      ["sendText", "text"],
      ["send", BYTES],
      ["ping"],
      ["pause"],
      ["resume"],
      ["terminate"],
      ["close", 1001, "going"],
    ]);
  });

  it("has all that it sends compressed where that was asked for, and counts it where it is queued", () => {
    const { acceptor, handler, host, socket, ws } = opened({ compression: true });
    socket.send("text");
    socket.send(BYTES);
    assertEquals(ws.calls, [["send", "text", true], ["send", BYTES, true]]);
    socket.publish("t", "x");
    acceptor.publish("t", "y");
    assertEquals([ws.calls.at(-1), host.calls], [["publish", "t", "x", true], [["t", "y", true]]]);
    const { perMessageDeflate } = handler as { perMessageDeflate?: unknown };
    assertEquals([perMessageDeflate, opened().acceptor.compresses], [true, false]);
    for (const compression of [true, false]) {
      const queueing = opened({ compression });
      queueing.ws.queued = 70;
      for (const data of ["x", BYTES]) {
        queueing.socket.left = 0;
        queueing.socket.send(data);
        assertEquals(queueing.socket.left, 70);
      }
    }
  });

  it("joins and leaves topics, and publishes to the others in them", () => {
    const { acceptor, host, socket, ws } = opened();
    socket.subscribe("t");
    socket.publish("t", BYTES);
    socket.unsubscribe("t");
    acceptor.publish("t", "to all");
    assertEquals(ws.calls, [["subscribe", "t"], ["publish", "t", BYTES, false], [
      "unsubscribe",
      "t",
    ]]);
    assertEquals(host.calls, [["t", "to all", false]]);
  });

  it("does so under a name of its own in a host of others, at every host, and hears nothing of it itself", () => {
    const { acceptor, handler, host, socket, ws } = opened({ topicPrefix: "mine " });
    const other = hostOf(handler, new Ws());
    void acceptor.accept(request(), other as unknown as BunHost);
    socket.subscribe("t");
    assertEquals(ws.calls.splice(0), [["subscribe", "mine t"]]);
    socket.publish("t", "x");
    assertEquals(ws.calls.splice(0), [["unsubscribe", "mine t"], ["subscribe", "mine t"]]);
    acceptor.publish("t", "y");
    for (const { calls } of [host, other]) {
      assertEquals(calls, [["mine t", "x", false], ["mine t", "y", false]]);
    }
    socket.unsubscribe("t");
    assertEquals(ws.calls, [["unsubscribe", "mine t"]]);
  });

  it("gives bytes as it was told, and as Buffers to who asks for them", () => {
    const { buffer } = BYTES;
    const views = opened({ binaryType: "uint8array" });
    const given: unknown[] = [];
    const buffers = { buffer: (data: unknown) => void given.push(data) };
    views.socket.giveBuffers(buffers); // they are views already
    void views.handler.message(views.ws, BYTES as never);
    void views.handler.message(views.ws, "text");
    assertEquals([views.ws.binaryType, given.length], ["uint8array", 0]);
    assertEquals(views.told, [OPEN, ["message", BYTES], ["message", "text"]]);
    const plain = opened();
    assertEquals(plain.ws.binaryType, "arraybuffer");
    void plain.handler.message(plain.ws, buffer as never);
    plain.socket.giveBuffers(buffers);
    assertEquals(plain.ws.binaryType, "nodebuffer");
    void plain.handler.message(plain.ws, BYTES as never);
    void plain.handler.message(plain.ws, "text");
    plain.socket.giveBuffers(undefined);
    assertEquals(plain.ws.binaryType, "arraybuffer");
    void plain.handler.message(plain.ws, buffer as never);
    const told = [OPEN, ["message", buffer], ["message", "text"], ["message", buffer]];
    assertEquals([plain.told, given], [told, [BYTES]]);
  });

  it("is told of each Pong", () => {
    const { handler, told, ws } = opened();
    void handler.pong!(ws, "");
    assertEquals(told, [OPEN, ["alive"]]);
  });

  it("is answered with the subprotocol, or with none, and with the headers that are set", () => {
    const name = "sec-websocket-protocol";
    const headers = new Headers([["x-node", "n1"], [name, "wrong"]]);
    const answered = (admission: object, offered: object = {}) =>
      opened({}, admission, offered).host.headers;
    assertEquals(answered({}), undefined);
    assertEquals(answered({}, { [name]: "chat" })!.get(name), "");
    assertEquals(answered({ protocol: "chat" }, { [name]: "chat" })!.get(name), "chat");
    assertEquals(answered({ offers: false }, { [name]: "chat" }), undefined);
    assertEquals(answered({ offers: true, protocol: "chat" })!.get(name), "chat");
    assertEquals(answered({ offers: true, protocol: "chat", headers })!.get(name), "chat");
    assertEquals(answered({ headers })!.get("x-node"), "n1");
  });
});

describe("a connection of Bun's server in a host", () => {
  const OPTIONS: MountOptions = {
    ...{ maxPayload: 10, maxBufferedAmount: 5000, deadAfter: 60, pingInterval: 30 },
  };

  function mounted(options: Partial<MountOptions> = {}) {
    const { events, told } = deciding();
    const mount = new BunMount({ ...OPTIONS, ...options }, events);
    return { mount, told };
  }

  it("has topics that are this mount's alone", () => {
    const names = [0, 1].map(() => {
      const { mount } = mounted();
      const host = hostOf(mount.websocket, new Ws());
      void mount.accept(request(), host);
      mount.publish("t", "x");
      return String(host.calls[0]![0]);
    });
    for (const name of names) assertMatch(name, /^netkit [\da-f-]{36} t$/);
    assertNotEquals(names[0], names[1]);
  });

  it("is compressed, and gives bytes, as the mount was told", () => {
    const { mount } = mounted({ compression: true, binaryType: "uint8array" });
    const ws = new Ws();
    const handler = mount.websocket as HostWebSocketHandler & { perMessageDeflate?: unknown };
    void mount.accept(request(), hostOf(handler, ws));
    ws.data.send("x");
    assertEquals([ws.binaryType, ws.calls], ["uint8array", [["send", "x", true]]]);
    assertEquals([handler.maxPayloadLength, handler.perMessageDeflate], [10, true]);
  });

  it("has a running number where the host listens on a Unix socket", () => {
    const { mount, told } = mounted();
    for (let i = 0; i < 2; i++) {
      const host = Object.assign(hostOf(mount.websocket, new Ws()), { port: undefined });
      assertEquals((mount.accept(request(), host) as Response).status, 101);
    }
    assertEquals(told, [["open", "unix 1"], ["open", "unix 2"]]);
  });

  it("is told of as too big where its message is, with Bun's words for that", () => {
    const { mount, told } = mounted();
    const handler = mount.websocketWith({ message() {} });
    const ws = new Ws();
    void mount.accept(request(), hostOf(handler, ws));
    void handler.message(ws, "01234567890");
    assertEquals(ws.calls, [["close", 1009, "Received too big message"]]);
    void handler.close!(ws, 1009, "");
    assertEquals(told, [OPEN, ["closed", 1009, true]]);
  });

  it("is turned away where it is another's, which the host is told of where it is none of ours", () => {
    const [one, two] = [mounted(), mounted()];
    const stranger = Object.assign(new Ws(), { data: { any: 1 } });
    const ours = new Ws();
    const { websocket } = one.mount;
    void two.mount.accept(request(), hostOf(websocket, ours));
    void websocket.open!(stranger);
    for (const ws of [ours, stranger]) {
      assertEquals(ws.calls, [["close", 1011, ""]]);
      assertEquals(websocket.close!(ws, 1011, ""), undefined);
    }
    assertEquals(one.told, [[
      "fault",
      "a connection of another's came to the WebSocket handler of this server alone. Change this " +
      "line in the options of Bun.serve: websocket: mount.websocketWith(other), where 'other' is " +
      "the other's handler",
    ]]);
    assertEquals(two.told.filter((line) => (line as string[])[0] === "open"), []);
    const both = one.mount.websocketWith(two.mount.websocket);
    const theirs = new Ws();
    void two.mount.accept(request(), hostOf(both, theirs));
    void both.message(theirs, "hello");
    assertEquals(two.told.slice(-2), [OPEN, ["message", "hello"]]);
  });

  it("lets a client here hear of the end before it lets go", async () => {
    using time = new FakeTime();
    let isOver = false;
    void mounted().mount.close().then(() => isOver = true);
    await time.tickAsync(4);
    assertEquals(isOver, false);
    await time.tickAsync(1);
    assertEquals([isOver, time.next()], [true, false]);
  });
});
