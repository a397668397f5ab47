/** What `BunMount` makes of the handlers and the servers it is given, with none of Bun's own. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, type HostWebSocketHandler } from "../../mod.ts";
import { BunMount } from "../../runtime/bun/mount.ts";
import type { AcceptorEvents, Admission, MountOptions, Socket } from "../../runtime/contract.ts";

const OPTIONS: MountOptions = {
  maxPayload: 1000,
  maxBufferedAmount: 5000,
  deadAfter: 60,
  pingInterval: 30,
};

const MIB16 = 16 * 1024 * 1024;

/** A mount, and what it tells. */
function mounted(options: Partial<MountOptions> = {}) {
  const told: string[] = [];
  const admission: Admission = {
    protocol: "",
    open: (socket: Socket) => void told.push(`open ${socket.bufferedAmount}`),
    message: (data) => void told.push(`message ${data}`),
    alive: () => void told.push("alive"),
    closed: ({ code }) => void told.push(`closed ${code}`),
  };
  const events = {
    request: () => admission,
    hostFault: (why: string) => void told.push(`fault ${why.slice(0, 40)}`),
  } as unknown as AcceptorEvents;
  const mount = new BunMount({ ...OPTIONS, ...options }, events);
  return { mount, told };
}

/** A connection of Bun's that writes down what is done to it. */
class Ws {
  readonly calls: string[] = [];
  data: unknown;
  binaryType = "nodebuffer";

  constructor(data?: unknown) {
    this.data = data;
  }

  close(code: number): void {
    this.calls.push(`close ${code}`);
  }

  getBufferedAmount(): number {
    return 0;
  }
}

/** A server of Bun's that upgrades each request, and tells a handler. */
function hostOf(handler: HostWebSocketHandler, ws = new Ws()) {
  const published: string[] = [];
  return {
    published,
    port: 80,
    requestIP: () => ({ address: "127.0.0.1", port: 5 }),
    publish: (topic: string, data: unknown) => published.push(`${topic.split(" ").at(-1)} ${data}`),
    upgrade(_: Request, { data }: { data: unknown }) {
      ws.data = data;
      void handler.open?.(ws);
      return true;
    },
  };
}

const REQUEST = () => new Request("http://localhost/");

describe("what two stacks have one of, on Bun", () => {
  const limits = ({
    maxPayloadLength,
    idleTimeout,
    sendPings,
    backpressureLimit,
    closeOnBackpressureLimit,
  }: HostWebSocketHandler) => [
    maxPayloadLength,
    idleTimeout,
    sendPings,
    backpressureLimit,
    closeOnBackpressureLimit,
  ];
  const message = () => {};

  it("is Bun's own default where the other says nothing", () => {
    const both = mounted().mount.websocketWith({ message });
    assertEquals(limits(both), [MIB16, 120, true, MIB16, undefined]);
  });

  it("is the other's, as far as ours can live with it", () => {
    const { mount } = mounted();
    const others = {
      message,
      maxPayloadLength: 10,
      idleTimeout: 60,
      sendPings: false,
      backpressureLimit: 100,
      closeOnBackpressureLimit: true,
      perMessageDeflate: true,
      publishToSelf: true,
    };
    const both = mount.websocketWith(others);
    assertEquals(limits(both), [1000, 60, false, 11_000, true]);
    const { perMessageDeflate, publishToSelf } = both as unknown as Record<string, unknown>;
    assertEquals([perMessageDeflate, publishToSelf], [true, true]);
    assertEquals(mount.websocketWith({ message, backpressureLimit: 0 }).backpressureLimit, 0);
    const big = { message, backpressureLimit: 1e6, maxPayloadLength: 1e6 };
    assertEquals(mount.websocketWith(big).backpressureLimit, 1e6);
    assertEquals(mount.websocketWith(big).maxPayloadLength, 1e6);
    // Bun serves with no limit of 2 ** 51 or more (1.4.5).
    const endless = mounted({ maxBufferedAmount: Number.MAX_SAFE_INTEGER }).mount;
    assertEquals(endless.websocketWith({ message }).backpressureLimit, 2 ** 32 - 1);
  });

  it("is compression where either has it, as the other says where it does", () => {
    const of = (compression: boolean, other: object) =>
      (mounted({ compression }).mount.websocketWith({ message, ...other }) as {
        perMessageDeflate?: unknown;
      }).perMessageDeflate;
    const own = { compress: "16KB" };
    assertEquals([of(false, {}), of(true, {})], [undefined, true]);
    assertEquals([of(true, { perMessageDeflate: false })], [true]);
    assertEquals(of(true, { perMessageDeflate: own }), own);
    assertEquals(of(false, { perMessageDeflate: own }), own);
  });

  it("is ours for two of ours", () => {
    const one = mounted().mount;
    const two = mounted({ maxPayload: 2000 }).mount;
    assertEquals(limits(one.websocketWith(two.websocket)), [2000, 0, false, 0, false]);
  });

  it("is refused where the other has Bun drop peers that are silent between two Pings", () => {
    const { mount } = mounted();
    const silent = (idleTimeout: number, sendPings: boolean) =>
      mount.websocketWith({ message, idleTimeout, sendPings });
    for (const idleTimeout of [1, 8, 30, 33]) {
      const error = assertThrows(() => silent(idleTimeout, false), BusinessError);
      assertEquals([error.code, error.kind], [2302999, "unsupported"]);
    }
    assertEquals(silent(34, false).idleTimeout, 34);
    assertEquals(silent(8, true).idleTimeout, 8);
    assertEquals(silent(0, false).idleTimeout, 0);
  });
});

describe("a handler for two stacks", () => {
  /** Both stacks, a connection of each, and what each is told. */
  function both() {
    const { mount, told } = mounted();
    const theirs: string[] = [];
    const tell = (name: string) => (_: unknown, ...rest: unknown[]) =>
      void theirs.push([name, ...rest].join(" "));
    const names = ["open", "message", "drain", "close", "ping", "pong"] as const;
    const other = Object.fromEntries(names.map((name) => [name, tell(name)]));
    const handler = mount.websocketWith({ ...other, maxPayloadLength: 10 });
    const ours = new Ws();
    void mount.accept(REQUEST(), hostOf(handler, ours));
    return { handler, ours, told, stranger: new Ws({ any: 1 }), theirs };
  }

  it("tells each of its own", () => {
    const { handler, ours, told, stranger, theirs } = both();
    for (const ws of [ours, stranger]) {
      if (ws === stranger) void handler.open!(ws);
      void handler.message(ws, "hello");
      void handler.drain!(ws);
      void handler.ping!(ws, "p");
      void handler.pong!(ws, "q");
      void handler.close!(ws, 1000, "bye");
    }
    assertEquals(told, ["open 0", "message hello", "alive", "closed 1000"]);
    assertEquals(theirs, ["open", "message hello", "drain", "ping p", "pong q", "close 1000 bye"]);
    assertEquals([ours.binaryType, stranger.binaryType], ["arraybuffer", "nodebuffer"]);
  });

  it("gets along with data of any kind, and with a handler of 'message' alone, or of nothing", () => {
    for (const [data, other] of [[undefined, {}], [null, { message() {} }], [5, {}], ["x", {}]]) {
      const handler = mounted().mount.websocketWith(other as object);
      const ws = new Ws(data);
      void handler.open!(ws);
      void handler.message(ws, "hello");
      void handler.drain!(ws);
      void handler.ping!(ws, "");
      void handler.pong!(ws, "");
      void handler.close!(ws, 1000, "");
      assertEquals(ws.calls, []);
    }
  });

  it("closes, where it is for one alone, what a host has taken over from another stack, and says why", () => {
    for (const first of ["open", "message", "ping", "pong"] as const) {
      for (const data of [undefined, null, { any: 1 }]) {
        const { mount: { websocket }, told } = mounted();
        const ws = new Ws(data);
        void websocket[first]!(ws, "hello");
        void websocket.drain!(ws);
        void websocket.close!(ws, 1011, "");
        const fault = "fault a connection of another's came to the WebSo";
        assertEquals([first, ws.calls, told], [first, ["close 1011"], [fault.slice(0, 46)]]);
      }
    }
  });

  it("closes with 1009 what is too big for its own side", () => {
    const { handler, ours, told, stranger, theirs } = both();
    void handler.message(stranger, "x".repeat(10));
    void handler.message(stranger, "x".repeat(11));
    void handler.message(ours, "x".repeat(11));
    void handler.message(ours, "x".repeat(1001));
    assertEquals([stranger.calls, ours.calls], [["close 1009"], ["close 1009"]]);
    assertEquals([theirs.length, told.length], [1, 2]);
  });

  it("holds the other to Bun's own limit where it has none of its own, whatever ours is", () => {
    const seen: number[] = [];
    const other = { message: (_: unknown, data: unknown) => void seen.push(String(data).length) };
    const handler = mounted({ maxPayload: 2 * MIB16 }).mount.websocketWith(other);
    const stranger = new Ws({ any: 1 });
    for (const length of [MIB16, MIB16 + 1]) void handler.message(stranger, "x".repeat(length));
    assertEquals([seen, stranger.calls], [[MIB16], ["close 1009"]]);
  });
});

describe("what is published", () => {
  it("goes to each host that there are connections of, and to no other", () => {
    const { mount } = mounted();
    const connections = [new Ws(), new Ws(), new Ws()];
    const one = hostOf(mount.websocket, connections[0]);
    const two = hostOf(mount.websocket, connections[1]);
    const { published } = one;
    mount.publish("t", "0");
    void mount.accept(REQUEST(), one);
    mount.publish("t", "1");
    void mount.accept(REQUEST(), two);
    void mount.accept(
      REQUEST(),
      Object.assign(one, hostOf(mount.websocket, connections[2]), {
        publish: one.publish,
      }),
    );
    mount.publish("t", "2");
    void mount.websocket.close!(connections[0], 1000, "");
    mount.publish("t", "3");
    void mount.websocket.close!(connections[2], 1000, "");
    mount.publish("t", "4");
    void mount.websocket.close!(connections[1], 1000, "");
    mount.publish("t", "5");
    assertEquals([published, two.published], [["t 1", "t 2", "t 3"], ["t 2", "t 3", "t 4"]]);
  });
});

describe("where Bun's server is looked for", () => {
  it("is what the host was given, where frameworks put that, or on the request", () => {
    const server = (mount: BunMount) => hostOf(mount.websocket);
    const places: ((mount: BunMount) => [Request, unknown])[] = [
      (mount) => [REQUEST(), server(mount)],
      (mount) => [REQUEST(), { server: server(mount) }],
      (mount) => [REQUEST(), { bun: { server: server(mount) } }],
      (mount) => {
        const runtime = { name: "bun", bun: { server: server(mount) } };
        return [Object.assign(REQUEST(), { runtime }), undefined];
      },
    ];
    for (const place of places) {
      const { mount, told } = mounted();
      const answer = mount.accept(...place(mount)) as Response;
      assertEquals([answer.status, told], [101, ["open 0"]]);
    }
  });

  it("is told where there is none", () => {
    for (const info of [undefined, null, {}, 5, { server: null }, { upgrade() {} }]) {
      const { mount, told } = mounted();
      assertEquals((mount.accept(REQUEST(), info) as Response).status, 500);
      assertEquals(told, ["fault 'fetch' was not given Bun's server, whic"]);
    }
  });

  it("is not blamed where the client has left", async () => {
    const { mount, told } = mounted();
    const host = { ...hostOf(mount.websocket), requestIP: () => null };
    const left = new Request("http://localhost/", { signal: AbortSignal.abort() });
    assertEquals((mount.accept(left, host) as Response).status, 400);
    assertEquals(told, []);
    assertEquals((await mount.accept(REQUEST(), host)).status, 500);
    assertEquals(told.length, 1);
    assertStrictEquals(told[0]!.startsWith("fault the request is none"), true);
  });
});
