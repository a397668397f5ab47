/** The bridge to OpenTelemetry before its own SDK, in a program that ends at once. */

import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { LIMIT_MS } from "../helpers/client.ts";
import { HERE, Program } from "../helpers/programs.ts";

const [SERVER, CLIENT, CONSUMER] = [1, 2, 4];

/** The trace that the program's second client says it is part of. */
const OWN = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7" };

/** A line that the program printed: a span, an event, or what a listener saw. */
interface Line {
  name: string;
  kind?: number;
  traceId: string;
  spanId: string;
  parent?: string;
  linked: string[];
  attributes: Record<string, unknown>;
  trace?: string;
  data?: string;
}

describe("otelObserver() with the SDK", () => {
  for (const how of ["api", "parts", "registered"]) {
    it(`carries the client's trace to the server, given ${how}, and has told all at the end`, async () => {
      const program = Program.run(HERE, "tests/programs/otel_sdk.ts", { args: [how] });
      const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
      assertEquals([code, stderr], [1, ""]);
      const lines: Line[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
      const named = (name: string, kind?: number) =>
        lines.filter((line) => line.name === name && line.kind === kind);

      // The server's handshake is a child of the client's, and that of what the program did.
      const pages = named("page", 0);
      const dialled = named("websocket handshake", CLIENT);
      const shaken = named("websocket handshake", SERVER);
      assertEquals([pages.length, dialled.length, shaken.length], [2, 2, 2]);
      assertEquals(dialled.map(({ parent }) => parent), pages.map(({ spanId }) => spanId));
      assertEquals(dialled.map(({ traceId }) => traceId), pages.map(({ traceId }) => traceId));
      assertEquals([shaken[0]!.parent, shaken[0]!.traceId], [
        dialled[0]!.spanId,
        dialled[0]!.traceId,
      ]);
      // A header that the user has set is sent as it is.
      assertEquals([shaken[1]!.parent, shaken[1]!.traceId], [OWN.span, OWN.trace]);

      // Each message's listeners run in a trace of their own, on either side.
      const [greeting, second] = named("client's listener");
      const live = lines.find(({ data }) => data === "live")!;
      const die = lines.find(({ data }) => data === "die")!;
      const traces = [greeting!, second!, live, die].map(({ trace }) => trace);
      assert(traces.every((trace) => trace !== undefined));
      const others = [...pages, ...shaken].map(({ traceId }) => traceId);
      assertEquals(new Set([...traces, ...others]).size, 4 + 3);
      const messages = named("websocket message", CONSUMER);
      assertEquals(
        messages.map(({ traceId, parent, linked }) => [traceId, parent, linked]),
        [
          [greeting!.trace, undefined, [dialled[0]!.spanId]],
          [second!.trace, undefined, [dialled[1]!.spanId]],
          [live.trace, undefined, [shaken[0]!.spanId]],
        ],
      );

      // What is told when it happens is not lost with the process.
      const opened = named("websocket.connection.opened");
      assertEquals(opened.length, 4);
      assert(!stdout.includes("secret"));
    });
  }
});
