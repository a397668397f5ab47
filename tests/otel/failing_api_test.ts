/** What is counted, and what goes on, where a tracer or a logger of the user's throws. */

import * as api from "@opentelemetry/api";
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketObserver } from "../../mod.ts";
import { otelObserver } from "../../otel.ts";
import { MemoryPair, RTT } from "../helpers/memory_pair.ts";
import { Telemetry } from "../helpers/telemetry.ts";

const ended: string[] = [];

/** A tracer whose spans of one name fail in each of their functions. */
const failing = (failing: string) => ({
  startSpan(name: string) {
    const fail = () => {
      if (name === failing) throw new Error(`no ${name}`);
    };
    const end = () => (ended.push(name), fail());
    return { setAttributes() {}, setStatus: fail, end };
  },
});

const context = { active: () => api.ROOT_CONTEXT, with: api.context.with.bind(api.context) };

describe("otelObserver(), where OpenTelemetry throws", () => {
  it("reports a message's span that cannot end, though its listener took a while", async () => {
    await using telemetry = new Telemetry();
    const { meter } = telemetry;
    const tracer = failing("websocket message");
    const observer: WebSocketObserver = otelObserver({ meter, tracer, context });
    await using pair = await MemoryPair.start({ server: { observer } });
    const { clock, server, ws } = pair;
    await pair.open();
    const told: string[] = [];
    server.on("error", ({ kind, message }) => told.push(`${kind} ${message}`));
    server.on("messageReceive", () => new Promise<void>((resolve) => clock.setTimer(resolve, 10)));
    await ws.send("Hello");
    await clock.advance(RTT + 10);
    assertEquals(told, [
      "listenerFailed Websocket Unknown Other Error: 'handling' of the observer failed: " +
      "Error: no websocket message",
    ]);
    told.length = 0;
  });

  it("ends a message's span where what another observer has made of its listeners rejects", async () => {
    await using telemetry = new Telemetry();
    const tracer = failing("");
    const observer = otelObserver({ meter: telemetry.meter, tracer, context });
    ended.length = 0;
    const run = () => Promise.reject(new Error("no"));
    const handled = observer.handling!({ clientIP: "127.0.0.1", clientPort: 1 }, run);
    await assertRejects(() => handled as Promise<unknown>, Error, "no");
    assertEquals(ended, ["websocket message"]);
  });

  it("counts a client that was refused, and a connection that was dropped, all the same", async () => {
    await using telemetry = new Telemetry();
    const { meter } = telemetry;
    const throwing = (call: () => unknown) => {
      try {
        call();
      } catch {
        // The server reports it.
      }
    };
    const who = { clientIP: "127.0.0.1", clientPort: 1 };
    const handshake = () => ({ ...who, peerIP: "127.0.0.1", duration: 1 });

    const one = otelObserver({ meter, tracer: failing("websocket handshake") });
    const refused = handshake();
    one.asked!(refused);
    throwing(() => one.refused!(401, "127.0.0.1", "authorize_rejected", refused));
    const left = handshake();
    one.asked!(left);
    throwing(() => one.abandoned!(left));

    const tracer = failing("websocket connection");
    const other = otelObserver({ meter, tracer, connectionSpans: true });
    other.opened!(who, handshake());
    throwing(() => other.dropped!(who, "dead"));

    const values = await telemetry.values();
    const status = "http.response.status_code=401 error.type=authorize_rejected";
    assertEquals(values[`websocket.server.refused_handshakes ${status}`], 1);
    assertEquals(values["websocket.server.active_handshakes"], -1); // `other` was told of one with no beginning
    assertEquals(values["websocket.server.dropped_connections error.type=dead"], 1);
  });

  for (const side of ["server", "client"] as const) {
    it(`counts a connection of a ${side} whose handshake's span cannot end as open, until it is closed`, async () => {
      await using telemetry = new Telemetry();
      const observer: WebSocketObserver = otelObserver({
        meter: telemetry.meter,
        tracer: failing("websocket handshake"),
      });
      const active = async () => (await telemetry.values())[`websocket.${side}.active_connections`];
      await using pair = await MemoryPair.start({ [side]: { observer } });
      pair.server.on("error", () => {});
      pair.ws.on("error", () => {});
      await pair.open();
      assertEquals(await active(), 1);
      await pair.close();
      assertEquals(await active(), 0);
    });
  }

  it("ends a message's span where the context manager throws, and has the listeners called", async () => {
    await using telemetry = new Telemetry();
    const { meter } = telemetry;
    const throwing = {
      ...context,
      with() {
        throw new Error("no context");
      },
    };
    const options = { meter, tracer: failing(""), context: throwing };
    await using pair = await MemoryPair.start({ server: { observer: otelObserver(options) } });
    await pair.open();
    const told: unknown[] = [];
    pair.server.on("error", ({ kind }) => told.push(kind));
    pair.server.on("messageReceive", ({ data }) => void told.push(data));
    ended.length = 0;
    await pair.ws.send("Hello");
    await pair.clock.advance(RTT);
    assertEquals(told, ["listenerFailed", "Hello"]);
    assertEquals(ended, ["websocket message"]);
  });

  it("goes on where no instruments could be made as a connection opened, which it then does not count", async () => {
    await using telemetry = new Telemetry();
    let fails = true;
    const meter = Object.assign(Object.create(telemetry.meter), {
      createUpDownCounter(name: string) {
        if (fails && name.endsWith("active_connections")) throw new Error("no meter");
        return telemetry.meter.createUpDownCounter(name);
      },
    });
    const { tracer } = telemetry;
    const observer: WebSocketObserver = otelObserver({ meter, tracer, context });
    await using pair = await MemoryPair.start({ server: { observer } });
    const { clock, server, ws } = pair;
    const told: string[] = [];
    server.on("error", ({ message }) => told.push(message.replace(/^.*?: /, "")));
    await pair.open();
    assertEquals(told.splice(0), [
      "'asked' of the observer failed: Error: no meter",
      "'opened' of the observer failed: Error: no meter",
    ]);
    fails = false;
    await ws.send("Hello");
    await clock.advance(RTT);
    await pair.close();
    assertEquals(told, []);
    const values = await telemetry.values();
    assertEquals(values["websocket.server.messages network.io.direction=receive"], 1);
    assertEquals(values["websocket.server.active_connections"], undefined);
    const [span] = telemetry.spans.filter(({ kind }) => kind === api.SpanKind.CONSUMER);
    assertEquals([span!.name, span!.links], ["websocket message", []]);
  });

  it("ends a connection's span where the logger throws", async () => {
    await using telemetry = new Telemetry();
    const { meter } = telemetry;
    const logger = {
      emit({ eventName }: { eventName: string }) {
        if (eventName.endsWith("closed")) throw new Error("no logger");
      },
    };
    const options = { meter, tracer: failing(""), logger, connectionSpans: true };
    const observer: WebSocketObserver = otelObserver(options);
    ended.length = 0;
    {
      await using pair = await MemoryPair.start({ server: { observer } });
      await pair.open();
      pair.server.on("error", () => {});
      await pair.ws.close();
      await pair.clock.advance(RTT);
    }
    assertEquals(ended, ["websocket handshake", "websocket connection"]);
  });
});
