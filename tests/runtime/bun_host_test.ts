/** Requests to a server of Bun's that become no connection, and connections in a host of others. */

import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import type { HostWebSocketHandler } from "../../mod.ts";
import { BunAcceptor, type BunHost } from "../../runtime/bun/acceptor.ts";
import { BunMount } from "../../runtime/bun/mount.ts";
import type { End, MountOptions } from "../../runtime/contract.ts";
import { deciding, hostOf, request, Ws } from "../helpers/scripted_bun.ts";

const OPEN = ["open", "127.0.0.1 5"];

describe("a request to Bun's server that becomes no connection", () => {
  const LINE = "Change this line in the options of Bun.serve: ";
  const rows: [what: string, host: object, status: number | undefined, fault: string][] = [
    [
      "as it is used up",
      { upgrade: () => false },
      500,
      "the request is none that waits for an answer: it was answered or upgraded already, or it is " +
      "a copy. Pass it to 'fetch' as the host was given it, once",
    ],
    [
      "as there is no handler",
      {
        upgrade() {
          throw new Error("none");
        },
      },
      500,
      "the host has no WebSocket handler. Add this line to the options of Bun.serve: websocket: " +
      "mount.websocket",
    ],
    [
      "as the handler is another's",
      { upgrade: () => true },
      undefined,
      `the host has another's WebSocket handler. ${LINE}websocket: mount.websocketWith(other), ` +
      "where 'other' is what stands there now",
    ],
  ];
  for (const [what, part, status, fault] of rows) {
    it(`says what to do about it: ${what}`, () => {
      const ends: End[] = [];
      const faults: string[] = [];
      const { events } = deciding({ closed: (end: End) => void ends.push(end) });
      const hostFault = (why: string) => void faults.push(why);
      const acceptor = new BunAcceptor({
        ...{ maxPayload: 1000, binaryType: undefined, events, topicPrefix: "", hostFault },
      });
      const host = { ...hostOf(acceptor.handler(), new Ws()), ...part };
      const answer = acceptor.accept(request(), host as unknown as BunHost);
      assertEquals([(answer as Response | undefined)?.status, faults], [status, [fault]]);
      const [{ code, reason, failure }] = ends as [End];
      assertEquals([ends.length, code, reason], [1, 0, ""]);
      assertEquals([failure?.what, failure?.status], ["upgrade", "500"]);
    });
  }

  it("is answered as was said, now or later, and upgrades nothing", async () => {
    const answer = new Response(null, { status: 403 });
    for (const given of [answer, Promise.resolve(answer)]) {
      const events = { request: () => given };
      const acceptor = new BunAcceptor({
        ...{ maxPayload: 1000, binaryType: undefined, events, topicPrefix: "", hostFault() {} },
      });
      const ws = new Ws();
      const host = hostOf(acceptor.handler(), ws);
      assertEquals(await acceptor.accept(request(), host as unknown as BunHost), answer);
      assertEquals(ws.data, undefined);
    }
  });

  it("has the host told what to pass on, where there is no server", () => {
    const { events, told } = deciding();
    const mount = new BunMount(
      { maxPayload: 10, maxBufferedAmount: 5000, deadAfter: 60, pingInterval: 30 },
      events,
    );
    assertEquals((mount.accept(request(), {}) as Response).status, 500);
    assertEquals(told, [[
      "fault",
      "'fetch' was not given Bun's server, which knows where a client is. Pass on what the host " +
      "was given beside the request: mount.fetch(request, server), or mount.fetch(c.req.raw, " +
      "c.env) in Hono",
    ]]);
    const other = { message() {}, idleTimeout: 8, sendPings: false };
    const { message } = assertThrows(() => mount.websocketWith(other), Error);
    const why = "websocketWith: the other has Bun drop all peers that are silent for 8 s " +
      "('idleTimeout') and sends no Pings ('sendPings'), and a Ping of this server's goes out each " +
      "30 s only ('pingInterval')";
    assertEquals(message.endsWith(why), true, message);
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
    assertEquals(one.told, []);
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
    const of = (name: string) => two.told.filter((line) => (line as string[])[0] === name);
    assertEquals([of("open").length, of("closed").length], [0, 1]); // its end is told once, though Bun tells it, too
    const both = one.mount.websocketWith(two.mount.websocket);
    const theirs = new Ws();
    void two.mount.accept(request(), hostOf(both, theirs));
    void both.message(theirs, "hello");
    assertEquals(two.told.slice(-2), [OPEN, ["message", "hello"]]);
    // Whoever stands before the other's handler sees what comes to it.
    const seen: unknown[] = [];
    const before = {
      ...two.mount.websocket,
      message: (_: unknown, data: unknown) => void seen.push(data),
    };
    const around = one.mount.websocketWith(before);
    const watched = new Ws();
    void two.mount.accept(request(), hostOf(around, watched));
    void around.message(watched, "hello");
    assertEquals(seen, ["hello"]);
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
