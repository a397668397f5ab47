/** What the client of a page makes of the platform's WebSocket and of the page, here ones that do what a test says. */

import { assertEquals } from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { ClientRuntime, ClientSocket, DialRequest, End } from "../../runtime/contract.ts";

/** The WHATWG's WebSocket, as a test wants it. */
class Scripted {
  static last: Scripted;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly calls: unknown[][] = [];
  readonly protocol = "chat";
  readonly extensions = "permessage-deflate";
  binaryType = "blob";
  readyState = 1;
  bufferedAmount = 0;
  onopen!: () => void;
  onmessage!: (event: object) => void;
  onerror!: (event: object) => void;
  onclose!: (event: object) => void;

  constructor(...args: unknown[]) {
    this.calls.push(["new", ...args]);
    Scripted.last = this;
  }

  send(data: unknown): void {
    this.calls.push(["send", data]);
  }

  close(...args: unknown[]): void {
    this.calls.push(["close", ...args]);
  }
}

/** The module, loaded where the platform's WebSocket is this one. */
async function load(own: unknown): Promise<ClientRuntime> {
  const place = globalThis as { WebSocket: unknown };
  const { WebSocket: before } = place;
  const name: string = `../../runtime/web/client.ts?${own === undefined ? "none" : "scripted"}`;
  try {
    place.WebSocket = own;
    const { webClient } = await import(name) as { webClient(): ClientRuntime };
    return webClient();
  } finally {
    place.WebSocket = before;
  }
}

const runtime = await load(Scripted);

const REQUEST: DialRequest = {
  url: "ws://localhost/",
  headers: {},
  protocols: ["a", "b"],
  tls: { insecure: false, minVersion: 0 },
  proxy: "system",
};

describe("the client of a page", () => {
  let ws: Scripted;
  let socket: ClientSocket;
  let told: unknown[];

  function dial(request: Partial<DialRequest> = {}): void {
    told = [];
    socket = runtime.dial({ ...REQUEST, ...request }, {
      open: () => void told.push("open"),
      message: (data) => void told.push(data),
      alive: () => void told.push("alive"),
      closed: (end: End) => void told.push(end),
    });
    ws = Scripted.last;
  }
  beforeEach(() => dial());

  it("dials with the URL and the subprotocols, and tells what there is, in its form", () => {
    assertEquals(ws.calls, [["new", "ws://localhost/", ["a", "b"]]]);
    const { buffer } = Uint8Array.from([1, 2]);
    ws.onopen();
    ws.onmessage({ data: "one" });
    ws.onmessage({ data: buffer });
    assertEquals(told, ["open", "one", buffer]);
    assertEquals([socket.protocol, socket.extensions, ws.binaryType], ["chat", "", "arraybuffer"]);
    dial({ binaryType: "uint8array" });
    ws.onmessage({ data: "one" });
    ws.onmessage({ data: buffer });
    assertEquals([told, ws.binaryType], [["one", new Uint8Array(buffer)], "arraybuffer"]);
  });

  it("sends what it is given, and a copy of what can change its size", () => {
    const resizable = new ArrayBuffer(2, { maxByteLength: 8 });
    const view = Uint8Array.from([1, 2]);
    const same = ["text", view, view.buffer];
    for (const data of [...same, resizable, new Uint8Array(resizable)]) socket.send(data);
    const sent = ws.calls.slice(1).map(([, data]) => data);
    assertEquals(sent.slice(0, 3).map((data, i) => data === same[i]), [true, true, true]);
    for (const data of sent.slice(3)) {
      const buffer = ArrayBuffer.isView(data) ? data.buffer : data;
      assertEquals([(buffer as ArrayBuffer).resizable, buffer === resizable], [false, false]);
    }
  });

  it("closes with the codes that a page may send, and with 1000 for the others", () => {
    for (const code of [1000, 3000, 4999, 1001, 2999, 1006, 1005]) socket.close(code, "why");
    assertEquals(ws.calls.slice(1), [
      ...[1000, 3000, 4999, 1000, 1000, 1000].map((code) => ["close", code, "why"]),
      ["close"],
    ]);
  });

  it("counts what is queued while it is open, and after its own Close frame, but not after a peer's", () => {
    ws.bufferedAmount = 9;
    const counted = () =>
      [0, 1, 2, 3].map((state) => {
        ws.readyState = state;
        return socket.bufferedAmount;
      });
    assertEquals(counted(), [0, 9, 0, 0]);
    socket.close(1000, "");
    assertEquals(counted(), [0, 9, 9, 0]);
  });

  it("is ending once the server has said Close", () => {
    const ending = [0, 1, 2, 3].map((state) => {
      ws.readyState = state;
      return socket.isEnding;
    });
    assertEquals(ending, [false, false, true, false]);
  });

  it("tells how it ended: what was not sent, but where it ended cleanly", () => {
    for (const [wasClean, unsent] of [[true, 0], [false, 9]] as const) {
      dial();
      ws.bufferedAmount = 9;
      ws.onclose({ code: 4001, reason: "theirs", wasClean });
      assertEquals(told, [{ code: 4001, reason: "theirs", unsent }]);
    }
  });

  it("tells of an 'error' as the end, by the platform's words where it has any, and of nothing after that", () => {
    const error = new Error("Expected 101 status code: 503");
    const cases = [
      [{ message: error.message, error }, "503", error],
      [{ message: "connect ECONNREFUSED" }, "0", "connect ECONNREFUSED"],
      [{}, "0", undefined],
    ] as const;
    for (const [event, status, cause] of cases) {
      dial();
      ws.bufferedAmount = 9;
      ws.onerror(event);
      ws.onclose({ code: 1006, reason: "", wasClean: false });
      ws.onerror(event);
      ws.onopen();
      ws.onmessage({ data: "late" });
      assertEquals(told.length, 1);
      const { code, reason, unsent, failure } = told[0] as End;
      assertEquals([code, reason, unsent, failure?.status], [0, "", 9, status]);
      assertEquals(String(failure?.cause), String(cause));
    }
  });

  it("tells nothing once it was dropped, which closes it as well as a page can", () => {
    socket.terminate();
    ws.onopen();
    ws.onmessage({ data: "late" });
    ws.onerror({ message: "late" });
    ws.onclose({ code: 1006, reason: "", wasClean: false });
    assertEquals([told, ws.calls.slice(1)], [[], [["close"]]]);
  });

  it("sends no Ping, and says so; is denied nothing", () => {
    socket.ping();
    assertEquals([runtime.canPing, runtime.name, ws.calls.length], [false, "this platform", 1]);
    assertEquals(runtime.denied("ws://localhost/"), undefined);
  });

  it("names the first option that a page does not have, and why", async () => {
    const { tls } = REQUEST;
    const why = "its WebSocket takes no such option";
    const cases: [Partial<DialRequest>, string | undefined][] = [
      [{}, undefined],
      [{ compression: true }, undefined],
      [{ headers: { a: "b" }, proxy: "no-proxy" }, "header"],
      [{ tls: { ...tls, ca: "PEM" } }, "caPath"],
      [{ tls: { ...tls, identity: { cert: "", key: "" } } }, "clientCert"],
      [{ tls: { ...tls, insecure: true } }, "skipServerCertVerification"],
      [{ tls: { ...tls, minVersion: 1 } }, "minSupportTlsProtocol"],
      [{ proxy: "no-proxy" }, "proxy"],
      [{ proxy: { host: "p", port: 1 } }, "proxy"],
    ];
    for (const [request, option] of cases) {
      const told = runtime.unsupported({ ...REQUEST, ...request });
      assertEquals(told, option === undefined ? undefined : { option, why });
    }
    const without = await load(undefined);
    const missing = { option: "WebSocket", why: "Node has it from 22 on" };
    assertEquals(without.unsupported(REQUEST), missing);
  });
});

describe("a page that wakes", () => {
  /** Runs a task where the global object has what a page has. */
  function inPage(page: Record<string, unknown>, task: () => void): void {
    const place = globalThis as unknown as Record<string, unknown>;
    const before = Object.keys(page).map((name) =>
      [name, Object.getOwnPropertyDescriptor(place, name)] as const
    );
    for (const [name, value] of Object.entries(page)) {
      Object.defineProperty(place, name, { value, configurable: true, writable: true });
    }
    try {
      task();
    } finally {
      for (const [name, was] of before) {
        if (was === undefined) delete place[name];
        else Object.defineProperty(place, name, was);
      }
    }
  }

  const listening = (target: EventTarget) => ({
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  });

  it("is told when it is online or shown again, until that is ended", () => {
    const window = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
    let woken = 0;
    inPage({ document, ...listening(window) }, () => {
      const end = runtime.woken!(() => woken++);
      const seen: number[] = [];
      const look = (target: EventTarget, type: string, state = "visible") => {
        document.visibilityState = state;
        target.dispatchEvent(new Event(type));
        seen.push(woken);
      };
      const all = () => {
        look(window, "online");
        look(document, "visibilitychange", "hidden");
        look(document, "visibilitychange");
      };
      all();
      look(window, "offline");
      end();
      all();
      assertEquals(seen, [1, 1, 2, 2, 2, 2, 2]);
    });
  });

  it("may have no document, as a worker has none, or no events at all", () => {
    const window = new EventTarget();
    let woken = 0;
    inPage({ document: undefined, ...listening(window) }, () => {
      const end = runtime.woken!(() => woken++);
      window.dispatchEvent(new Event("online"));
      end();
      window.dispatchEvent(new Event("online"));
    });
    const none = { addEventListener: undefined, removeEventListener: undefined };
    inPage({ document: undefined, ...none }, () => runtime.woken!(() => woken++)());
    assertEquals(woken, 1);
  });
});
