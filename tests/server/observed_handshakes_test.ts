/** What an observer is told of a handshake: how long it took, what came of it, and the trace it names. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { HANDSHAKE, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** A server whose `authorize` takes half a second, or refuses at once with 403. */
async function start(observer: object) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime, observer });
  const errors: unknown[] = [];
  server.on("error", ({ kind }) => void errors.push(kind));
  const half = () =>
    new Promise<true>((resolve) => void clock.setTimer(() => resolve(true as const), 500));
  const authorize = ({ headers }: Request) =>
    headers.has("x-no") ? new Response(null, { status: 403 }) : half();
  await server.start({ serverPort: 80, authorize });
  const request = (more: Record<string, string> | undefined, signal?: AbortSignal) =>
    runtime.request({
      headers: { ...HANDSHAKE, ...more },
      ...(signal && { signal }),
    });
  return { clock, server, errors, request };
}

describe("an observer of handshakes", () => {
  it("is told how long each took, and what came of it", async () => {
    const told: unknown[] = [];
    const { clock, server, request } = await start({
      opened: (_: unknown, seen: { status?: number; duration: number; reason?: string }) =>
        told.push(["opened", seen.status, seen.duration, seen.reason]),
      refused: (status: number, _why: string, reason: string, seen?: { duration: number }) =>
        told.push(["refused", status, reason, seen?.duration]),
      abandoned: (seen: { status?: number; duration: number; reason?: string }) =>
        told.push(["abandoned", seen.status, seen.duration, seen.reason]),
    });
    clock.tick(10_000);
    const admitted = request(undefined);
    await clock.advance(500);
    const admission = await admitted;
    if (admission instanceof Response) throw new Error(`${admission.status}`);
    clock.tick(20);
    admission!.open(new ScriptedSocket());
    await request({ "x-no": "1" });
    const aborter = new AbortController();
    const left = request(undefined, aborter.signal);
    await clock.advance(300);
    aborter.abort();
    await left;
    assertEquals(told, [
      ["opened", 101, 520, undefined],
      ["refused", 403, "authorize_rejected", 0],
      ["abandoned", undefined, 300, "client_left"],
    ]);
    admission!.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
  });

  it("may be told of nothing but that somebody asks", async () => {
    const asked: unknown[] = [];
    const { clock, server, errors, request } = await start({
      asked: () => asked.push("asked"),
    });
    const admitted = request(undefined);
    await clock.advance(500);
    const admission = await admitted;
    if (admission instanceof Response) throw new Error(`${admission.status}`);
    admission!.open(new ScriptedSocket());
    const refused = await request({ "x-no": "1" });
    const aborter = new AbortController();
    const left = request(undefined, aborter.signal);
    aborter.abort();
    const statuses = [refused, await left].map((one) => (one as Response).status);
    assertEquals([statuses, asked.length, errors], [[403, 400], 3, ["handshakeRefused"]]);
    admission!.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
  });

  it("reads the trace that a request names, where it is one to the last letter", async () => {
    const traces: unknown[] = [];
    const { clock, server, request } = await start({
      asked: ({ trace }: { trace: unknown }) => traces.push(trace),
    });
    const traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    const state = "x".repeat(512);
    const given: [Record<string, string>, unknown][] = [
      [{ traceparent, tracestate: state }, { traceparent, tracestate: state }],
      [{ traceparent, tracestate: `${state}x` }, { traceparent }],
      [{ traceparent }, { traceparent }],
      [{ tracestate: state }, undefined],
      ...[`${traceparent}-`, `0${traceparent}`, `${traceparent}0`, traceparent.toUpperCase(), "x"]
        .map((wrong): [Record<string, string>, unknown] => [{ traceparent: wrong }, undefined]),
    ];
    for (const [headers] of given) await request({ ...headers, "x-no": "1" });
    assertEquals(traces, given.map(([, trace]) => trace));
    await clock.until(server.stop());
  });
});
