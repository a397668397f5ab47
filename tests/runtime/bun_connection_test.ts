/** What is done to a connection of Bun's server, and told of it, as Bun's own is one that writes down all. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BunAcceptor, type BunAcceptorParts, type BunHost } from "../../runtime/bun/acceptor.ts";
import { deciding, hostOf, request, Ws } from "../helpers/scripted_bun.ts";

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
  it("sends Pings and Pongs with data, and notes what that leaves in the queue", () => {
    const { socket, ws } = opened();
    socket.control("ping", BYTES);
    assertEquals(socket.left, 0);
    ws.queued = 7;
    socket.control("pong", BYTES);
    assertEquals([socket.left, ws.calls], [7, [["ping", BYTES], ["pong", BYTES]]]);
  });

  it("tells of Pings and Pongs whomever it was given to, and of a sign of life with a Pong", () => {
    const { handler, socket, told, ws } = opened();
    const heard: unknown[] = [];
    const tell = () => {
      void handler.ping!(ws, BYTES);
      void handler.pong!(ws, BYTES);
    };
    tell();
    socket.giveControls({ control: (what, data) => void heard.push([what, data]) });
    tell();
    assertEquals(heard, [["ping", BYTES], ["pong", BYTES]]);
    assertEquals(told, [OPEN, ["alive"], ["alive"]]);
  });

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
      assertEquals(calls.splice(0), [["mine t", "x", false], ["mine t", "y", false]]);
    }
    socket.unsubscribe("t");
    assertEquals(ws.calls.splice(0), [["unsubscribe", "mine t"]]);
    socket.publish("t", "z"); // it is not in it, and not afterwards
    assertEquals([ws.calls, host.calls, other.calls], [
      [],
      ...[[["mine t", "z", false]], [["mine t", "z", false]]],
    ]);
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
