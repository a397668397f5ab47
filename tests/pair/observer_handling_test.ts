/** Observers that call the listeners themselves, or fail, in time that stands still. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError, WebSocketObserver, WebSocketServerConfig } from "../../mod.ts";
import { LATENCY } from "../helpers/memory_pair.ts";
import { validators } from "../helpers/schemas.ts";
import { FUNCTIONS, observed } from "../helpers/observers.ts";

describe("an observer that handles messages", () => {
  it("calls the listeners of each, once, and may wait for them", async () => {
    const log: unknown[] = [];
    const done = Promise.withResolvers<void>();
    const observer: WebSocketObserver = {
      handling(who, run) {
        log.push(["handling", who]);
        const atWork = run();
        log.push(atWork === run(), "ran");
        void atWork?.then(() => log.push("done"));
      },
    };
    await using pair = await observed({ server: { observer } });
    const connection = await pair.open();
    pair.server.on("messageReceive", ({ data }) => {
      log.push(data);
      return data === "slow" ? done.promise : undefined;
    });
    for (const data of ["quick", "slow"]) {
      await pair.ws.send(data);
      await pair.clock.advance(LATENCY);
    }
    const handling = ["handling", connection];
    assertEquals(log, [handling, "quick", true, "ran", handling, "slow", true, "ran"]);
    done.resolve();
    await pair.clock.advance(1);
    await done.promise;
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(log.at(-1), "done");
  });

  it("calls a client's listeners of each, too, and those of 'dataEnd' with them", async () => {
    const log: unknown[] = [];
    const atWork: unknown[] = [];
    const done = Promise.withResolvers<void>();
    const observer: WebSocketObserver = {
      handling(who, run) {
        log.push(who === pair.ws);
        atWork.push(run());
        log.push("ran");
      },
    };
    await using pair = await observed({ client: { observer } });
    const connection = await pair.open();
    const { clock, server, ws } = pair;
    const send = async (data: string) => {
      await server.send(data, connection);
      await clock.advance(LATENCY);
    };
    ws.off("message");
    await send("to nobody");
    ws.on("message", (_, data) => {
      log.push(data);
      return data === "slow" ? done.promise : undefined;
    });
    await send("quick");
    ws.on("dataEnd", () => log.push("end"));
    await send("slow");
    assertEquals(log, [true, "quick", "ran", true, "slow", "end", "ran"]);
    const [quick, slow] = atWork;
    assertEquals(quick, undefined);
    let isDone = false;
    void (slow as Promise<unknown>).then(() => isDone = true);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(isDone, false);
    done.resolve();
    await slow;
  });

  it("gets what a client's schema makes of messages, and may leave the call to the client", async () => {
    const log: unknown[] = [];
    const observer: WebSocketObserver = { handling: (who) => void log.push(who === pair.ws) };
    const client = { observer, schema: validators.double as never };
    await using pair = await observed({ client });
    const connection = await pair.open();
    pair.ws.on("message", (_, data) => void log.push(data));
    await pair.server.send("21", connection);
    await pair.clock.advance(LATENCY);
    assertEquals(log, [true, 42]);
  });

  it("loses no message where it fails or does nothing, and no listener's failure", async () => {
    let fails = false;
    const observer: WebSocketObserver = {
      handling() {
        if (fails) throw new Error("the observer's own");
      },
    };
    await using pair = await observed({ server: { observer }, config: { maxPendingAmount: 1 } });
    await pair.open();
    const cause = new Error("the listener's own");
    const told: unknown[] = [];
    pair.server.on("error", ({ kind, cause }) => told.push(kind, (cause as Error).message));
    pair.server.on("messageReceive", ({ data }) => {
      told.push(data);
      if (data === "2") throw cause;
      return data === "3" ? Promise.reject(cause) : undefined;
    });
    for (const data of ["1", "2", "3"]) {
      fails = data === "1";
      await pair.ws.send(data);
      await pair.clock.advance(LATENCY);
      await new Promise((resolve) => setTimeout(resolve));
    }
    const ofListener = ["listenerFailed", "the listener's own"];
    assertEquals(told.slice(0, 6), [
      ...["listenerFailed", "the observer's own", "1"],
      ...["2", ...ofListener],
    ]);
    assertEquals(told.slice(6).includes("3"), true);
    assertEquals(told.slice(6).includes("the listener's own"), true);
  });
});

describe("an observer's function that fails", () => {
  /** What the listeners of a pair are told whose observers fail, and of what. */
  async function failing(
    fail: (cause: unknown) => unknown,
    config?: Partial<WebSocketServerConfig>,
  ) {
    const cause = new Error("the observer's own");
    const functions = FUNCTIONS.map((name) => [name, () => fail(cause)]);
    const observer = Object.fromEntries(functions) as WebSocketObserver;
    const reports: string[] = [];
    const note = (error: BusinessError) => {
      if (error.code !== 2302999) return;
      assertStrictEquals(error.cause, cause);
      reports.push(
        /'(\w+)' of the observer failed: Error: the observer's own$/.exec(error.message)![1]!,
      );
    };
    const options = { server: { observer }, client: { observer } };
    await using pair = await observed({ ...options, ...(config && { config }) });
    pair.server.on("error", note);
    pair.ws.on("error", note);
    const connection = await pair.open();
    if (connection !== undefined) {
      await pair.ws.send("to server");
      await pair.server.send("to client", connection);
      await pair.clock.advance(31_000);
      pair.network.links[0]!.cut();
      await pair.clock.advance(100);
    }
    const told = (log: unknown[]) => log.filter((line) => line !== "error 2302999");
    return { reports, server: told(pair.logs.server), client: told(pair.logs.client) };
  }

  for (
    const [how, fail] of [
      ["throws", (cause: unknown) => {
        throw cause;
      }],
      ["rejects", (cause: unknown) => Promise.reject(cause)],
    ] as const
  ) {
    it(`is reported as 2302999, and changes nothing else, when it ${how}`, async () => {
      const { reports, server, client } = await failing(fail);
      const end = ["error 200", "close 1006"];
      assertEquals(server, ["connect", "message to server", ...end]);
      assertEquals(client, ["open", "message to client", ...end]);
      const both = FUNCTIONS.filter((name) => name !== "refused" && name !== "unsent")
        .flatMap((name) => [name, name]);
      assertEquals(reports.sort(), both.sort());
    });

    it(`is reported when that of a refusal ${how}`, async () => {
      const config = { authorize: () => new Response(null, { status: 403 }) };
      const { reports, server, client } = await failing(fail, config as never);
      assertEquals([reports, server, client], [["refused"], ["error 200"], ["error 200"]]);
    });
  }
});
