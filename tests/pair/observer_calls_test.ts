/** Calls from within what an observer is told: of a client, a server, and a socket of the standard's shape. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketConnection,
  type WebSocketObserver,
  type WebSocketServer,
} from "../../mod.ts";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { DialledClient } from "../helpers/dialled_client.ts";
import { LONGEST_MS } from "../helpers/leftovers.ts";
import { observed } from "../helpers/observers.ts";
import { schemaOf } from "../helpers/schemas.ts";
import { ScriptedConnection } from "../helpers/scripted_connection.ts";
import { ScriptedClient, ScriptedServer } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const AGAIN = { minDelay: 1, maxDelay: 1, random: () => 1 };
const REFUSED = {
  code: 1006,
  reason: "",
  failure: { what: "connection refused", status: "0" },
};
const LOST = { code: 1006, reason: "", unsent: 5 };
const DONE = { code: 4000, reason: "done" };

/** What a client does until an observer is told of each, and what is closing or idle then. */
const ENDS: [
  name: keyof WebSocketObserver,
  play: (runtime: ScriptedClient, ws: WebSocketClient) => void,
][] = [
  ["failed", ({ events }) => events.closed(REFUSED)],
  ["gaveUp", (_, ws) => void ws.close()],
  ["dropped", ({ events }) => (events.open(), events.closed(LOST))],
  ["unsent", ({ events }) => (events.open(), events.closed(LOST))],
  ["closed", ({ events }) => (events.open(), events.closed({ code: 1001, reason: "" }))],
];

describe("a client whose observer is told of an end", () => {
  for (const reconnect of [undefined, AGAIN]) {
    for (const [name, play] of ENDS) {
      it(`in '${name}' is busy yet${reconnect ? ", where it reconnects, too" : ""}`, async () => {
        const clock = new FakeClock();
        const runtime = new ScriptedClient();
        const states: string[] = [];
        const calls: Promise<unknown>[] = [];
        const observer = {
          [name]: () => {
            if (calls.length > 0) return;
            states.push(ws.state);
            calls.push(ws.connect(URL), ws.send("1"));
          },
        };
        const ws: WebSocketClient = createWebSocket({ clock, runtime, observer, reconnect });
        let ends = 0;
        for (const event of ["error", "close"] as const) ws.on(event, () => ends++);
        await ws.connect(URL);
        play(runtime, ws);
        await clock.advance(0);
        const goesOn = reconnect !== undefined && name !== "gaveUp";
        assertEquals(states, [goesOn ? "reconnecting" : "closing"]);
        const answers = await Promise.all(calls.map(answer));
        assertEquals(answers, ["alreadyConnected", goesOn ? false : "notOpen"]);
        assertEquals(ws.state, goesOn ? "reconnecting" : "idle");
        await clock.advance(1000);
        if (goesOn) {
          runtime.events.open();
          assertEquals([ws.state, runtime.socket.calls], ["open", ["send"]]);
          void ws.close();
        }
        await clock.advance(LONGEST_MS);
        assertEquals([ws.state, clock.pending], ["idle", 0]);
        const told = ends;
        assertEquals(await ws.connect(URL), true);
        runtime.events.open();
        assertEquals([ws.state, ends], ["open", told]);
        void ws.close();
        await clock.advance(LONGEST_MS);
      });
    }
  }
});

/** How a connection comes to be dropped, for each reason there is. */
const DROPS: Record<string, (world: DialledClient) => unknown> = {
  lost: ({ runtime }) => runtime.events.closed(LOST),
  dead: ({ clock }) => clock.advance(60_000),
  "too big": ({ runtime }) => runtime.events.message('"123456789"'),
  "too big for the runtime": ({ runtime }) => runtime.events.closed({ ...LOST, tooBig: true }),
  unacceptable: ({ runtime }) => runtime.events.message('"no"'),
  "too fast": ({ runtime, ws }) => {
    ws[Symbol.asyncIterator]();
    const big = new ArrayBuffer(8 * 1024 * 1024);
    for (let i = 0; i < 3; i++) runtime.events.message(big);
  },
};

describe("a client that drops its connection", () => {
  for (const [name, play] of Object.entries(DROPS)) {
    it(`is closing when an observer is told why, once: ${name}`, async () => {
      const told: unknown[] = [];
      const calls: Promise<unknown>[] = [];
      const observer = {
        dropped: (ws: unknown, why: string) => {
          told.push(why, (ws as WebSocketClient).state);
          calls.push(world.ws.connect(URL), world.ws.send("1"), world.ws.close());
        },
      };
      const more = name === "unacceptable"
        ? { schema: schemaOf(() => ({ issues: [] })) }
        : name.startsWith("too big")
        ? { maxPayload: 10 }
        : {};
      const options = { observer, maxPayload: 16 * 1024 * 1024, ...more };
      await using world: DialledClient = await DialledClient.open({}, options as never);
      await play(world);
      assertEquals(told, [name.replace(" for the runtime", ""), "closing"]);
      const kinds = ["alreadyConnected", "notOpen", "closing"];
      assertEquals(await Promise.all(calls.map(answer)), kinds);
    });
  }
});

/** Each function of an observer that a socket has told of, by when it is told. */
const FUNCTIONS = {
  dialling: () => {},
  failed: ({ events }: ScriptedClient) => events.closed(REFUSED),
  gaveUp: (_: ScriptedClient, ws: WebSocket) => ws.close(),
  opened: ({ events }: ScriptedClient) => events.open(),
  received: ({ events }: ScriptedClient) => (events.open(), events.message("1")),
  sent: ({ events }: ScriptedClient, ws: WebSocket) => (events.open(), ws.send("1")),
  pinged: ({ events }: ScriptedClient, ws: WebSocket) => (events.open(), ws.ping()),
  dropped: ({ events }: ScriptedClient) => (events.open(), events.closed(LOST)),
  unsent: ({ events }: ScriptedClient) => (events.open(), events.closed(LOST)),
  closed: ({ events }: ScriptedClient) => (events.open(), events.closed(LOST)),
};

describe("a WebSocket that is ended from within", () => {
  /** What is told of a socket that is played with, until all of it has passed. */
  async function told(
    play: (runtime: ScriptedClient, ws: WebSocket) => void,
    end: (ws: WebSocket) => void,
    name: string,
    reconnect?: object,
  ) {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const counts = { opened: 0, closed: 0, close: 0 };
    const observer: Record<string, (ws: WebSocket) => void> = {
      opened: () => counts.opened++,
      closed: () => counts.closed++,
    };
    const own = observer[name];
    observer[name] = (ws) => {
      own?.(ws);
      end(ws);
    };
    const options = { clock, runtime, reconnect, observer: observer as WebSocketObserver };
    const ws = new WebSocket(URL, [], options as WebSocketInit);
    ws.addEventListener(name, () => end(ws));
    ws.onclose = () => counts.close++;
    await clock.advance(0);
    play(runtime, ws);
    await clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve)); // one that is aborted ends in a task
    await clock.advance(LONGEST_MS);
    assertEquals([ws.readyState, clock.pending], [ws.CLOSED, 0]);
    return counts;
  }

  for (const reconnect of [undefined, AGAIN]) {
    for (const call of ["close", "terminate"] as const) {
      const rest = `is over for good, and once${reconnect ? ", though it reconnects" : ""}`;
      for (const [name, play] of Object.entries(FUNCTIONS)) {
        it(`by ${call}() in the observer's '${name}' ${rest}`, async () => {
          const counts = await told(play, (ws) => ws[call](), name, reconnect);
          const opens = ["dialling", "failed", "gaveUp"].includes(name) ? 0 : 1;
          assertEquals(counts, { opened: opens, closed: opens, close: 1 });
        });
      }

      it(`by ${call}() in the 'error' that tells of what was never sent ${rest}`, async () => {
        const play = ({ events }: ScriptedClient, ws: WebSocket) => {
          events.open();
          ws.close();
          events.closed({ ...DONE, unsent: 5 });
        };
        const counts = await told(play, (ws) => ws[call](), "error", reconnect);
        assertEquals(counts, { opened: 1, closed: 1, close: 1 });
      });
    }
  }
});

describe("an observer of what goes out", () => {
  it("closes after the message that it is told of, which arrives, as it was sent", async () => {
    const observer = {
      sent: (one: unknown, data: unknown) => {
        if (data instanceof Uint8Array) data.fill(0);
        if (one === pair.ws) void pair.ws.close(DONE);
        else void pair.server.close(one as WebSocketConnection, DONE);
      },
    };
    await using pair = await observed({ client: { observer }, server: { observer } });
    const heard: unknown[] = [];
    pair.server.on("messageReceive", ({ data }) => void heard.push(String(data)));
    pair.ws.on("message", (_, data) => heard.push(new Uint8Array(data as ArrayBuffer)));
    await pair.open();
    assertEquals(await pair.ws.send("1"), true);
    await pair.clock.advance(LONGEST_MS);
    const bytes = () => new Uint8Array([1, 2]);
    for (const send of SENDS) {
      const connection = await pair.open();
      assertEquals(await send(pair.server, bytes(), connection), true);
      await pair.clock.advance(LONGEST_MS);
    }
    assertEquals(heard, ["1", ...SENDS.map(bytes)]);
    const closes = pair.logs.client.filter((line) => String(line).startsWith("close"));
    assertEquals(closes, Array(1 + SENDS.length).fill("close 4000"));
  });

  it("closes in the place of the Ping that it is told of", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const observer = { pinged: (ws: unknown) => (ws as WebSocketClient).close(DONE) };
    const ws = createWebSocket({ clock, runtime, observer });
    await ws.connect(URL);
    runtime.events.open();
    await clock.advance(30_000);
    assertEquals(runtime.socket.calls, ["close 4000"]);
    await clock.advance(LONGEST_MS);
    const close = (one: WebSocketConnection) => world.server.close(one, DONE);
    const options = { observer: { pinged: close } };
    await using world = await ScriptedConnection.open({ options });
    await world.clock.advance(30_000);
    assertEquals(world.told, [["close 4000 done"], ["close 4000"]]);
  });
});

/** The ways of a message to one connection. */
const SENDS = [
  (server: WebSocketServer, data: Uint8Array, one: WebSocketConnection) => server.send(data, one),
  (server: WebSocketServer, data: Uint8Array, { clientIP, clientPort }: WebSocketConnection) =>
    server.send(data, { clientIP, clientPort }),
  async (server: WebSocketServer, data: Uint8Array, one: WebSocketConnection) => {
    await server.join(one, "room");
    return (await server.publish("room", data)).sent === 1;
  },
];

describe("a server whose observer is told that it has started", () => {
  /** What calls answer from within 'started', and how often it and 'stopped' are told. */
  async function started(
    calls: (server: WebSocketServer, aborter: AbortController) => unknown[],
    goesOn = false,
  ) {
    const clock = new FakeClock();
    let aborter = new AbortController();
    const log: string[] = [];
    let answers: unknown[] = [];
    const observer = {
      started: () => {
        log.push("started");
        if (answers.length === 0) answers = calls(server, aborter);
      },
      stopped: () => log.push("stopped"),
    };
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime, observer }) as WebSocketServer;
    const all = [];
    for (const call of ["start", "mount"] as const) {
      answers = [];
      aborter = new AbortController();
      const { signal } = aborter;
      await (call === "start" ? server.start({ serverPort: 0, signal }) : server.mount({ signal }));
      const settled = Promise.all(answers.map((one) => answer(Promise.resolve(one))));
      await clock.advance(5000);
      if (goesOn) await clock.until(server.stop());
      all.push([await settled, ...log.splice(0)]);
      assertEquals([server.address, clock.pending], [undefined, 0]);
    }
    assertEquals(all[0], all[1]);
    return all[0];
  }

  it("runs already", async () => {
    const again = (server: WebSocketServer) => [server.start({ serverPort: 0 }), server.mount()];
    const refused = ["alreadyRunning", "alreadyRunning"];
    assertEquals(await started(again, true), [refused, "started", "stopped"]);
  });

  it("can be stopped", async () => {
    assertEquals(await started((server) => [server.stop()]), [[true], "started", "stopped"]);
  });

  it("hears the signal", async () => {
    const abort = (_: unknown, aborter: AbortController) => [aborter.abort()];
    assertEquals(await started(abort), [[undefined], "started", "stopped"]);
  });
});
