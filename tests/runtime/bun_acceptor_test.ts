/** What `BunAcceptor` makes of what Bun tells of a connection, with none of Bun's own. */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BunAcceptor, type BunHost } from "../../runtime/bun/acceptor.ts";
import type { BunConnection } from "../../runtime/bun/connection.ts";
import type { End, ListenerEvents } from "../../runtime/contract.ts";

/** A connection of Bun's: how much is queued, and what is done to it. */
class Ws {
  readonly calls: string[] = [];
  data!: BunConnection;
  binaryType = "nodebuffer";
  queued = 0;

  send(data: Uint8Array): number {
    this.calls.push(`send ${data}`);
    return this.queued > 0 ? -1 : data.length;
  }

  sendText(data: string): number {
    this.calls.push(`send ${data}`);
    return this.queued > 0 ? -1 : data.length;
  }

  close(code: number, reason: string): void {
    this.calls.push(`close ${code} ${reason}`);
  }

  getBufferedAmount(): number {
    return this.queued;
  }
}

/** A connection that is open, and what is told of it. */
function opened() {
  const told: unknown[] = [];
  const events = {
    request: () => ({
      protocol: "",
      open() {},
      message: (data: string) => void told.push(`message ${data}`),
      alive: () => void told.push("alive"),
      drained: () => void told.push("drained"),
      closed: ({ code, unsent, tooBig, failure }: End) =>
        void told.push({ code, unsent, tooBig, ...(failure && { why: String(failure.cause) }) }),
    }),
  } as unknown as ListenerEvents;
  const acceptor = new BunAcceptor({
    maxPayload: 1000,
    binaryType: "arraybuffer",
    events,
    topicPrefix: "",
    hostFault: (why) => void told.push(why),
  });
  const handler = acceptor.handler();
  const ws = new Ws();
  const host = {
    port: 80,
    requestIP: () => ({ address: "127.0.0.1", port: 5 }),
    publish: () => 0,
    upgrade(_: Request, { data }: { data: BunConnection }) {
      ws.data = data;
      void handler.open!(ws);
      return true;
    },
  } as unknown as BunHost;
  void acceptor.accept(new Request("http://localhost/"), host);
  return {
    socket: ws.data,
    told,
    ws,
    /** Bun queues what is sent. */
    queue(bytes: number, data: string | Uint8Array = "x") {
      ws.queued = bytes;
      ws.data.send(data);
    },
    /** Bun has written, so that so much is left. */
    drain(bytes: number) {
      ws.queued = bytes;
      void handler.drain!(ws);
    },
    /** Bun tells of the end; it has let go of what was queued. */
    end(code: number, reason = "") {
      ws.queued = 0;
      void handler.close!(ws, code, reason);
      return told.at(-1);
    },
  };
}

describe("the end of a connection on Bun", () => {
  const end = (code: number, unsent: number) => ({ code, unsent, tooBig: false });
  type World = ReturnType<typeof opened>;
  const ROWS: [what: string, before: (world: World) => void, code: number, unsent: number][] = [
    ["with nothing sent", () => {}, 1006, 0],
    ["with what was queued", ({ queue }) => queue(100), 1006, 100],
    [
      "with what was left when Bun had written some",
      ({ drain, queue }) => {
        queue(100);
        drain(40);
      },
      1006,
      40,
    ],
    [
      "with what was queued when that was looked at last",
      ({ socket, ws }) => {
        ws.queued = 70;
        assertEquals(socket.bufferedAmount, 70);
      },
      1006,
      70,
    ],
    [
      "by the peer's Close frame, after which Bun goes on sending",
      ({ queue }) => {
        queue(100);
      },
      1000,
      0,
    ],
    [
      "by the peer's, while ours waits for the queue",
      ({ queue, socket, ws }) => {
        queue(100);
        socket.close(4000, "bye");
        assertEquals(ws.calls, ["send x"]);
      },
      1000,
      100,
    ],
    [
      "by ours, which went out when the queue was empty",
      ({ drain, queue, socket, ws }) => {
        queue(100);
        socket.close(4000, "bye");
        drain(1);
        assertEquals(ws.calls, ["send x"]);
        drain(0);
        assertEquals(ws.calls, ["send x", "close 4000 bye"]);
      },
      4000,
      0,
    ],
    [
      "by ours, where nothing was queued",
      ({ socket, ws }) => {
        socket.close(4000, "bye");
        assertEquals(ws.calls, ["close 4000 bye"]);
      },
      4000,
      0,
    ],
  ];
  for (const [what, before, code, unsent] of ROWS) {
    it(`${what}: ${code}, ${unsent} bytes are lost`, () => {
      const world = opened();
      before(world);
      assertEquals(world.end(code), end(code, unsent));
    });
  }

  it("for a message that is too big, which Bun tells by its reason, is told as that", () => {
    assertEquals(opened().end(1006, "Received too big message"), {
      ...end(1006, 0),
      tooBig: true,
    });
    assertEquals(opened().end(1009, "Received too big message"), end(1009, 0));
  });

  it("for another fault of the peer's has what Bun says of it", () => {
    const why = "Error: Received invalid frame";
    assertEquals(opened().end(1006, "Received invalid frame"), { ...end(1006, 0), why });
    assertEquals(opened().end(1002, "Received invalid frame"), end(1002, 0));
  });

  it("comes after each drain was told", () => {
    const { drain, end: ends, queue, told } = opened();
    queue(100);
    drain(50);
    drain(0);
    assertEquals(told, ["drained", "drained"]);
    assertEquals(ends(1000), end(1000, 0));
  });
});

describe("a request to Bun that is let in and not upgraded", () => {
  const FAULT = /^the request is none that waits for an answer/;
  const HANDLER = /^the host has no WebSocket handler/;
  const ANOTHERS = /^the host has another's WebSocket handler/;
  const ADDRESS = { address: "127.0.0.1", port: 5 };
  const throws = () => {
    throw new Error("no handler");
  };
  /** What the host does, whether the client has left, or when that is told, and what comes of it. */
  const ROWS: [
    what: string,
    host: { requestIP?: () => typeof ADDRESS | null; upgrade?: () => boolean },
    hasLeft: boolean | "later",
    status: number | undefined,
    closed: string[],
    fault?: RegExp,
  ][] = [
    ["as its client has left", { upgrade: () => false }, true, 400, ["400"]],
    ["as it was answered already", { upgrade: () => false }, false, 500, ["500"], FAULT],
    ["as the host has no handler", { upgrade: throws }, false, 500, ["500"], HANDLER],
    ["as another has the handler", { upgrade: () => true }, false, undefined, ["500"], ANOTHERS],
    ["as it is over before it is asked for", { requestIP: () => null }, true, 400, []],
    ["as that is told a turn later", { requestIP: () => null }, "later", 400, []],
    ["as it is used up before it is asked for", { requestIP: () => null }, false, 500, [], FAULT],
  ];
  for (const [what, host, hasLeft, status, ends, fault] of ROWS) {
    it(`${what}: ${status ?? "nothing"}`, async () => {
      const closed: string[] = [];
      const faults: string[] = [];
      const acceptor = new BunAcceptor({
        maxPayload: 1000,
        binaryType: "arraybuffer",
        events: {
          request: () => ({ protocol: "", closed: (end: End) => closed.push(end.failure!.status) }),
        } as unknown as ListenerEvents,
        topicPrefix: "",
        hostFault: (why) => void faults.push(why),
      });
      const client = new AbortController();
      const leave = () => client.abort();
      if (hasLeft === true) leave();
      const request = new Request("http://localhost/", { signal: client.signal });
      if (hasLeft === "later") setTimeout(leave);
      const answer = await acceptor.accept(
        request,
        { port: 80, requestIP: () => ADDRESS, ...host } as unknown as BunHost,
      );
      assertEquals([answer?.status, closed], [status, ends]);
      assertEquals(faults.length, fault === undefined ? 0 : 1);
      if (fault !== undefined) assertMatch(faults[0]!, fault);
    });
  }
});

describe("what Bun is told of all connections", () => {
  it("is that it neither pings, nor drops who is silent, nor loses what is queued", () => {
    const { socket: { acceptor } } = opened();
    const { maxPayloadLength, perMessageDeflate, ...more } = acceptor.handler();
    const { backpressureLimit, closeOnBackpressureLimit, idleTimeout, sendPings } = more;
    assertEquals([maxPayloadLength, perMessageDeflate], [1000, false]);
    assertEquals([idleTimeout, sendPings], [0, false]);
    assertEquals([backpressureLimit, closeOnBackpressureLimit], [0, false]);
  });
});
