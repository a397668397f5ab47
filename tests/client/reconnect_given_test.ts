/** What a client that reconnects makes of what functions of the user's answer, or do to what they are given. */

import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inspect } from "node:util";
import {
  type BusinessError,
  createWebSocket,
  type WebSocketClientOptions,
  type WebSocketObserver,
} from "../../mod.ts";
import { webSocketClass } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { EventLog, refusal } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

/** A client on a script, and the delays that it tells. */
function world(options: WebSocketClientOptions) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime, ...options });
  const log = new EventLog(ws);
  const told: unknown[] = [];
  ws.on("reconnecting", ({ attempt, delay }) => told.push([attempt, delay]));
  const end = () => clock.until(ws[Symbol.asyncDispose]());
  return { clock, end, log, runtime, told, ws };
}

const LOST = { code: 1006, reason: "" };

describe("createWebSocket({ reconnect })", () => {
  it("takes what 'random' answers for 0 to 1, whatever it is", async () => {
    for (const [answer, delay] of [[5, 4], [1, 4], [0.5, 2], [-1, 0], [NaN, 0], [-Infinity, 0]]) {
      const reconnect = { minDelay: 4, random: () => answer! };
      const { end, runtime, told, ws } = world({ reconnect });
      await ws.connect("ws://localhost/");
      runtime.events.open();
      runtime.events.closed(LOST);
      assertEquals(told, [[1, delay]], `${answer}`);
      await end();
    }
  });

  it("waits as the server asked, by no other words, in each unit, and for an hour at most", async () => {
    const rows: [code: number, reason: string, delay: number][] = [
      [1012, " retry after 2 min ", 120],
      [1013, "deploying build 20240501", 0],
      [1013, "3 servers are down", 0],
      [1013, "retry after: 7", 7],
      [1013, "Retry-After: 0.5 s", 0.5],
      [1013, "retry after1.25", 1.25],
      [1013, "  12  ", 12],
      [1013, "12s", 12],
      [1013, "retry after 86400", 3600],
      [1013, "back in 5 minutes", 0],
      [1013, "after 500 ms", 0],
      [1013, "500 ms", 0.5],
      [1013, "retry after 5 min", 300],
      [1013, "Retry after 1500MS", 1.5],
      [1013, "retry after 5 hours", 0],
      [1013, "retry after five", 0],
      [1013, "retry after 5, please", 0],
      [1013, "5 6", 0],
      [1013, "-5", 0],
      [1013, "1e3", 0],
      [1013, "", 0],
      [1013, "1500 ms", 1.5],
      [1012, "3600", 3600],
      [1012, "60 min", 3600],
      [1012, "3601 s", 3600],
      [1012, "3 h", 0],
      [1011, "retry after 7", 0],
      [1001, "retry after 7", 0],
      [4000, "retry after 7", 0],
    ];
    for (const [code, reason, delay] of rows) {
      const { end, runtime, told, ws } = world({ reconnect: { random: () => 0 } });
      await ws.connect("ws://localhost/");
      runtime.events.open();
      runtime.events.closed({ code, reason });
      assertEquals(told, [[1, delay]], `${code} ${reason}`);
      await end();
    }
  });

  it("is not changed by what 'shouldReconnect' and an observer do to what they are told", async () => {
    const seen: unknown[] = [];
    const shouldReconnect = (last: { code: number; reason: string }) => {
      Object.assign(last, { code: 1012, reason: "3600" });
      return true;
    };
    const observer = {
      reconnecting(_: unknown, info: { attempt: number; delay: number }) {
        seen.push({ ...info });
        Object.assign(info, { attempt: 9, delay: 9 });
      },
    };
    const { end, runtime, told, ws } = world({
      reconnect: { shouldReconnect, random: () => 1 },
      observer: observer as WebSocketObserver,
    });
    await ws.connect("ws://localhost/");
    runtime.events.open();
    runtime.events.closed(LOST);
    assertEquals([told, seen], [[[1, 1]], [{ attempt: 1, delay: 1 }]]);
    await end();
  });

  for (const isAsked of [false, true]) {
    const how = isAsked ? ", where functions are asked" : "";
    it(`has each connection be what the first was asked to be${how}`, async () => {
      const { clock, end, log, runtime, ws } = world({
        ...{ binaryType: "uint8array", maxPayload: 10 } as object,
        reconnect: { random: () => 0, shouldReconnect: () => true },
      });
      const url = "wss://localhost/";
      const header = { a: "b" };
      await ws.connect(isAsked ? () => url : url, {
        ...{ protocol: "chat", compression: true, proxy: "no-proxy", pingInterval: 7 },
        ...{ minSupportTlsProtocol: 2, skipServerCertVerification: true, connectTimeout: 3 },
        header: isAsked ? () => header : header,
      });
      const each: unknown[] = [];
      for (let n = 0; n < 4; n++) {
        await clock.advance(10);
        const { answer, ...dialled } = runtime.request;
        const asked = {
          ...dialled,
          headers: { ...dialled.headers },
          isHeard: answer !== undefined,
        };
        const { events, socket } = runtime;
        Object.assign(socket, { protocol: "chat", extensions: "permessage-deflate" });
        if (n === 1) { // an attempt that fails
          await clock.advance(3000);
          each.push([asked, socket.calls]);
          continue;
        }
        events.open();
        events.message("x".repeat(10));
        await clock.advance(7000);
        events.message("x".repeat(11));
        each.push([asked, socket.calls]);
        events.closed({ code: 1009, reason: "" });
      }
      const request = {
        ...{ url, headers: header, protocols: ["chat"], proxy: "no-proxy", compression: true },
        ...{ binaryType: "uint8array", tls: { insecure: true, minVersion: 2 }, isHeard: true },
      };
      const [open, failed] = [["ping", "close 1009"], ["terminate"]];
      assertEquals(each, [open, failed, open, open].map((calls) => [request, calls]));
      assertEquals(log.messages, Array(3).fill("x".repeat(10)));
      await end();
    });
  }

  for (const reconnect of [undefined, { shouldReconnect: () => false }]) {
    const how = reconnect === undefined ? "without" : "with";
    it(`asks for what each connect() was given, and for nothing of one before, ${how} it`, async () => {
      const { clock, end, runtime, ws } = world({ reconnect });
      const given = {
        ...{ header: { a: "b" }, protocol: "chat", compression: true, proxy: "no-proxy" as const },
        ...{ skipServerCertVerification: true, connectTimeout: 3, pingInterval: 7 },
      };
      const rows = [[given, "b", 3000, 7000], [{}, undefined, 20_000, 30_000]] as const;
      for (const [options, header, late, ping] of [...rows, ...rows]) {
        const connect = async () => {
          await ws.connect("wss://localhost/", options);
          const { compression, headers, protocols, proxy, tls } = runtime.request;
          const asked = [headers.a, protocols.length, compression, proxy, tls.insecure];
          const expected = header
            ? ["b", 1, true, "no-proxy", true]
            : [header, 0, false, "system", false];
          assertEquals(asked, expected);
          return runtime.socket;
        };
        const failed = await connect();
        await clock.advance(late - 1);
        assertEquals(failed.calls, []);
        await clock.advance(1);
        assertEquals(failed.calls, ["terminate"]);
        const open = await connect();
        open.protocol = runtime.request.protocols.join();
        runtime.events.open();
        await clock.advance(ping - 1);
        assertEquals(open.calls, []);
        await clock.advance(1);
        assertEquals(open.calls, ["ping"]);
        runtime.events.closed({ code: 1000, reason: "" });
        assertEquals(ws.state, "idle");
      }
      await end();
    });
  }

  it("has a header that an observer sets go out with that attempt alone", async () => {
    let attempts = 0;
    const observer = {
      dialling: (_: unknown, _handshake: unknown, set?: (name: string, value: string) => void) =>
        set!("traceparent", `${++attempts}`),
    };
    const { clock, end, runtime, ws } = world({
      reconnect: { random: () => 0 },
      observer: observer as WebSocketObserver,
    });
    await ws.connect("ws://localhost/", { header: { "x-own": "1" } });
    const headers = [runtime.request.headers];
    runtime.events.closed({ ...LOST, failure: { what: "no", status: "0" } });
    await clock.advance(1);
    headers.push(runtime.request.headers);
    assertEquals(headers, ["1", "2"].map((traceparent) => ({ "x-own": "1", traceparent })));
    await end();
  });

  it("says what is wrong with what 'url' answers, and asks again", async () => {
    const { clock, end, log, runtime, ws } = world({ reconnect: { random: () => 0 } });
    const answers: unknown[] = [5, "ws://localhost/"];
    await ws.connect((() => answers.shift()) as () => string);
    await clock.advance(1);
    const [error] = log.errors as BusinessError[];
    assertEquals([log.errors.length, error!.code], [1, 200]);
    const words = "connect: the URL must be text: current value is 5";
    assertStringIncludes((error!.cause as Error).message, words);
    assertEquals([runtime.request.url, answers.length], ["ws://localhost/", 0]);
    await end();
  });

  it("tells nothing secret of what the runtime throws at a later attempt", async () => {
    const { clock, end, log, runtime, ws } = world({ reconnect: { random: () => 0 } });
    const url = "ws://user:Geheimnis@localhost/?token=Geheimnis";
    await ws.connect(url);
    runtime.fault = new Error(`cannot dial ${url}`);
    runtime.events.closed({ ...LOST, failure: { what: "no", status: "0" } });
    await clock.advance(1);
    const last = log.errors.at(-1) as BusinessError;
    assertStringIncludes(last.message, "the runtime refused to dial");
    const text = inspect(log.errors, { depth: 10, showHidden: true });
    assertStringIncludes(text, "cannot dial");
    assertFalse(text.includes("Geheimnis"), text);
    await end();
  });

  it("notices each time that the machine has slept, not only the first time it looks", async () => {
    const { clock, end, runtime, told, ws } = world({
      reconnect: { minDelay: 3600, maxDelay: 3600, random: () => 1 },
    });
    await ws.connect("ws://localhost/");
    await clock.advance(11_000);
    for (let n = 1; n <= 2; n++) {
      runtime.events.closed({ ...LOST, failure: { what: "no", status: "0" } });
      assertEquals([told.length, ws.state], [n, "reconnecting"]);
      await clock.advance(5000);
      assertEquals(ws.state, "reconnecting");
      clock.sleep(60_000);
      await clock.advance(2000);
      assertEquals(ws.state, "connecting");
    }
    await end();
  });
});

describe("a socket of ./standard that reconnects", () => {
  it("closes with the code that it is given, and with none where it is given none", async () => {
    for (const [code, sent] of [[undefined, 1005], [1000, 1000], [4000, 4000]]) {
      const [clock, runtime] = [new FakeClock(), new ScriptedClient()];
      const Socket = webSocketClass({ clock, runtime, reconnect: true });
      const ws = new Socket("ws://localhost/");
      await clock.advance(1);
      runtime.events.open();
      ws.close(code);
      await clock.advance(1);
      assertEquals(runtime.socket.calls.at(-1), `close ${sent}`);
      runtime.events.closed({ code: sent!, reason: "" });
      await clock.advance(1);
      assertEquals([ws.readyState, clock.pending], [ws.CLOSED, 0]);
    }
  });
});

describe("connect() where the runtime does not permit the host", () => {
  it("is refused with what the runtime said as its cause", async () => {
    const { runtime, ws } = world({});
    const cause = new Error("Requires net access");
    const denied: { denied: () => unknown } = runtime;
    denied.denied = () => cause;
    const error = await refusal(ws.connect("ws://localhost/"));
    assertEquals([error.kind, error.cause], ["permission", cause]);
  });

  it("tells of no status where a function of the user has failed, as there was no answer", async () => {
    const { end, log, ws } = world({ reconnect: { attempts: 1, minDelay: 1, random: () => 0 } });
    await ws.connect(() => {
      throw new Error("no ticket");
    });
    const [error] = await log.next("error") as [BusinessError];
    assertEquals([error.kind, error.data], ["connectFailed", "0"]);
    await end();
  });
});
