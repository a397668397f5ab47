/**
 * A client of ours, and a raw server behind a proxy that does what networks do: what the client
 * tells, and what of it the wire sees.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { disposable, EventLog, within } from "../helpers/client.ts";
import { HERE } from "../helpers/programs.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import {
  BINARY,
  CLOSE,
  closePayload,
  frame,
  PING,
  PONG,
  type RawPeer,
  RawServer,
  readClose,
  TEXT,
} from "../peers/raw.ts";
import { GARBAGE } from "./faults.ts";
import { assertTold, eventsOf, HEARTBEAT, PATIENT, told } from "./pair.ts";
import {
  after,
  bytewise,
  ChaosProxy,
  cutHead,
  edited,
  type Link,
  swallow,
  type Ways,
} from "./proxy.ts";

/** A client, the proxy, and a raw server. */
class Line implements AsyncDisposable {
  readonly ws = createWebSocket();
  readonly log: EventLog = new EventLog(this.ws);

  readonly server: RawServer;
  readonly proxy: ChaosProxy;

  private constructor(server: RawServer, proxy: ChaosProxy) {
    this.server = server;
    this.proxy = proxy;
  }

  static async start(...plans: Ways[]): Promise<Line> {
    const server = await RawServer.listen({ answerClose: false });
    return new Line(server, await ChaosProxy.listen(server, ...plans));
  }

  async dial(options: object = {}): Promise<Link> {
    assertEquals(await within(this.ws.connect(this.proxy.url, options)), true);
    return within(this.proxy.link());
  }

  async open(options: object = {}): Promise<{ link: Link; peer: RawPeer }> {
    const link = await this.dial(options);
    const peer = await within(this.server.accept());
    await this.log.next("openInfo");
    return { link, peer };
  }

  /** Asserts what was told, but for messages, and that the same client connects and closes again. */
  async assertEvents(...events: string[]): Promise<void> {
    assertEquals(eventsOf(this.log), events);
    for (const error of this.log.errors) assertTold(error);
    assertEquals(this.ws.state, "idle");
    await using next = disposable(await RawServer.listen());
    const [opens, closes] = [this.log.of("open").length, this.log.closes.length];
    assertEquals(await within(this.ws.connect(next.url)), true);
    await this.log.next("open", opens + 1);
    assertEquals(await within(this.ws.close({ code: 4321, reason: "well" })), true);
    await this.log.next("close", closes + 1);
    assertEquals(eventsOf(this.log), [...events, "open", "openInfo", "close 4321 well"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.server.close();
    if (this.ws.state !== "idle") await within(this.ws.closed.catch(() => {}));
  }
}

/** What a network does at the place where it cuts. */
const CUTS: [what: string, then: (link: Link) => void][] = [
  ["ends", (link) => link.endClient()],
  ["resets", (link) => link.resetClient()],
];

describe("createWebSocket().connect() when the server's answer", () => {
  const places: [where: string, part: (head: string) => number][] = [
    ["before its first byte", () => 0],
    ["after one byte", () => 1],
    ["within the status", () => 11],
    ["after the first line", (head) => head.indexOf("\r\n") + 2],
    ["within a header's name", (head) => head.indexOf("Upgrade") + 3],
    ["within the accept key", (head) => head.length - 10],
    ["after the last header", (head) => head.length - 4],
    ["before the last byte", (head) => head.length - 1],
  ];
  for (const [where, part] of places) {
    for (const [what, then] of CUTS) {
      it(`${what} ${where} tells one 'error' 200 at once`, async () => {
        await using line = await Line.start({ down: cutHead(part, then) });
        await line.dial();
        await line.log.next("error");
        await line.assertEvents("error 200 0");
      });
    }
  }

  for (const [where, part] of places.filter((_, i) => i % 3 === 1)) {
    it(`stalls ${where} tells one 'error' 200 after 'connectTimeout', and hangs up`, async () => {
      await using line = await Line.start({ down: cutHead(part, () => {}) });
      const watch = new Stopwatch();
      const link = await line.dial({ connectTimeout: 0.2 });
      await line.log.next("error");
      watch.assertLess(1200);
      await within(link.up.over);
      await line.assertEvents("error 200 0");
    });

    it(`stalls ${where} tells one 'close' where close() is called meanwhile`, async () => {
      const { promise: cut, resolve } = Promise.withResolvers<void>();
      await using line = await Line.start({ down: cutHead(part, () => resolve()) });
      const link = await line.dial();
      await within(cut);
      assertEquals(await within(line.ws.close({ code: 4001, reason: "enough" })), true);
      await line.log.next("close");
      await within(link.up.over);
      await line.assertEvents("close 4001 enough");
    });
  }

  it("has a wrong Sec-WebSocket-Accept tells one 'error' 200 on Bun, and nothing on Deno 2.9.6", async () => {
    const wrong = (head: string) => head.replace(/^(Sec-WebSocket-Accept: ).*$/m, "$1AAAA=");
    await using line = await Line.start({ down: edited(wrong) });
    const link = await line.dial();
    if (HERE === "bun") {
      await line.log.next("error");
      await within(link.up.over);
      await line.assertEvents("error 200 0");
    } else {
      await line.log.next("open");
      link.resetClient();
      await line.log.next("close");
      await line.assertEvents("open", "openInfo", ...told("lost"));
    }
  });

  it("comes with messages and the Close frame in one segment tells them all in order", async () => {
    const frames = [
      frame(TEXT, "one"),
      frame(BINARY, "two"),
      frame(CLOSE, closePayload(4000, "x")),
    ];
    const behind = frames.map((bytes) => String.fromCharCode(...bytes)).join("");
    await using line = await Line.start({ down: edited((head) => head + behind) });
    await line.dial();
    await line.log.next("close");
    assertEquals(line.log.messages.map((data) => typeof data), ["string", "object"]);
    assertEquals(line.log.names.slice(0, 3), ["open", "openInfo", "message"]);
    await line.assertEvents("open", "openInfo", "close 4000 x");
  });
});

describe("createWebSocket() when its network", () => {
  it("lets one byte through at a time takes and sends all, Pings and Pongs, too", async () => {
    await using line = await Line.start({ up: bytewise, down: bytewise });
    const { peer } = await line.open(PATIENT);
    const texts = Array.from({ length: 20 }, (_, i) => "ü".repeat(i * 4));
    for (const text of texts) {
      void line.ws.send(text);
      peer.send(TEXT, text.slice(0, 5), { fin: false });
      peer.send(PING, "between");
      peer.send(0, text.slice(5));
    }
    void line.ws.send(new Uint8Array(1));
    await line.log.next("message", texts.length);
    await within(peer.next(BINARY));
    assertEquals(line.log.messages, texts);
    // Two Pings of the client's: the first was answered, or there were no second.
    await within(peer.next(PING));
    await within(peer.next(PING, peer.frames.findIndex(({ opcode }) => opcode === PING) + 1));
    assertEquals(peer.texts(), texts);
    assertEquals(peer.frames.filter(({ opcode }) => opcode === PONG).length, texts.length);
    void peer.next(CLOSE).then(() => peer.end());
    peer.close(4000, "in pieces");
    await line.log.next("close");
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 4000, reason: "in pieces" });
    await line.assertEvents("open", "openInfo", "close 4000 in pieces");
  });

  for (const [what, cut] of CUTS) {
    it(`${what} within a frame, at each byte of its head, tells what came before it alone`, async () => {
      const lengths = [0, 5, 200, 70_000];
      for (const length of lengths) {
        const whole = frame(TEXT, "x".repeat(length)).length;
        for (let bytes = 1; bytes < Math.min(12, whole); bytes++) {
          await using line = await Line.start();
          const { link, peer } = await line.open();
          peer.send(TEXT, "before");
          await line.log.next("message");
          link.down.way = after(bytes, cut);
          peer.send(TEXT, "x".repeat(length));
          await line.log.next("close");
          assertEquals(line.log.messages, ["before"], `${bytes} bytes of ${whole}`);
          assertEquals(eventsOf(line.log), ["open", "openInfo", ...told("lost")]);
          assertEquals(line.ws.state, "idle");
        }
      }
    });

    for (const bytes of [1, 2, 3, 4, 5]) {
      it(`${what} after ${bytes} of a Close frame's 6 bytes tells 'error', then 'close' 1006`, async () => {
        await using line = await Line.start();
        const { link, peer } = await line.open();
        link.down.way = after(bytes, cut);
        peer.close(4000, "ab");
        await line.log.next("close");
        await line.assertEvents("open", "openInfo", ...told("lost"));
      });
    }
  }

  it("cuts a Close frame and swallows the rest tells it in time, and hangs up", async () => {
    await using line = await Line.start();
    const { link, peer } = await line.open(HEARTBEAT);
    link.down.way = after(3, () => link.down.way = swallow);
    peer.close(4000, "half");
    const watch = new Stopwatch();
    await line.log.next("close");
    watch.assertLess(1500);
    await within(link.up.over);
    await line.assertEvents("open", "openInfo", ...told("lost"));
  });

  const trailing: [what: string, bytes: Uint8Array][] = [
    ["another Close frame", frame(CLOSE, closePayload(4002, "no"))],
    [
      "three more Close frames",
      new Uint8Array([...frame(CLOSE), ...frame(CLOSE), ...frame(CLOSE)]),
    ],
    ["garbage", GARBAGE],
    ["a message", frame(TEXT, "late")],
    ["half a message", frame(TEXT, "late").subarray(0, 3)],
    ["a Ping", frame(PING, "late")],
  ];
  for (const [what, bytes] of trailing) {
    it(`adds ${what} to the peer's Close frame tells 'close' alone, once`, async () => {
      await using line = await Line.start();
      const { peer } = await line.open();
      peer.write(Uint8Array.from([...frame(CLOSE, closePayload(4000, "first")), ...bytes]));
      void peer.next(CLOSE).then(() => peer.end());
      await line.log.next("close");
      assertEquals(line.log.messages, []);
      assertEquals(readClose(await within(peer.next(CLOSE))).code, 4000);
      await line.assertEvents("open", "openInfo", "close 4000 first");
    });

    it(`adds ${what} to the peer's answer to close() tells 'close' alone, once`, async () => {
      await using line = await Line.start();
      const { peer } = await line.open();
      assertEquals(await within(line.ws.close({ code: 4001, reason: "mine" })), true);
      await within(peer.next(CLOSE));
      peer.write(Uint8Array.from([...frame(CLOSE, closePayload(4001, "mine")), ...bytes]));
      peer.end();
      await line.log.next("close");
      assertEquals(line.log.messages, []);
      await line.assertEvents("open", "openInfo", "close 4001 mine");
    });
  }

  for (
    const [where, begin] of [
      ["between messages", () => {}],
      ["within a message", (peer: RawPeer) => peer.send(TEXT, "half", { fin: false })],
      ["within a frame", (peer: RawPeer) => peer.write(frame(TEXT, "half").subarray(0, 4))],
    ] as const
  ) {
    it(`puts garbage ${where} tells what came before, then 'error' and 'close' 1006`, async () => {
      await using line = await Line.start();
      const { link, peer } = await line.open();
      for (let i = 0; i < 50; i++) peer.send(TEXT, `${i}`);
      begin(peer);
      peer.write(GARBAGE);
      if (where === "within a frame") peer.write(GARBAGE); // the first few end it, as text
      await line.log.next("close");
      const numbers = Array.from({ length: 50 }, (_, i) => `${i}`);
      assertEquals(line.log.messages.slice(0, 50), numbers);
      assertEquals(line.log.messages.length, 50);
      await within(link.up.over);
      await line.assertEvents("open", "openInfo", ...told("lost"));
    });
  }

  it("keeps the TCP connection after a Close frame tells that, and no dead peer", async () => {
    await using line = await Line.start();
    const { link, peer } = await line.open(HEARTBEAT);
    peer.close(4000, "the end");
    await line.log.next("close");
    assertEquals(readClose(await within(peer.next(CLOSE))).code, 4000);
    await within(link.up.over);
    await line.assertEvents("open", "openInfo", "close 4000 the end");
  });

  it("swallows everything hangs up once the heartbeat has told", async () => {
    await using line = await Line.start();
    const { link } = await line.open(HEARTBEAT);
    link.swallow();
    await line.log.next("close");
    await within(link.up.over);
    await line.assertEvents("open", "openInfo", ...told("lost"));
  });
});
