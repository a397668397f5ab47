/** What comes of a port that cannot be had, and in which order addresses are tried. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocketServer,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import type { ServerRuntime } from "../../runtime/contract.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";

type Fault = ReturnType<ServerRuntime["fault"]>;

/** A server on a runtime where each of these addresses cannot be had, for such a reason. */
function make(faults: Record<string, Fault>, options: WebSocketServerOptions = {}) {
  const runtime = new ScriptedServer();
  const tried: string[] = [];
  const listen: ServerRuntime["listen"] = (options, events) => {
    const { hostname } = options as { hostname: string };
    tried.push(hostname);
    if (hostname in faults) throw new Error(hostname);
    return ScriptedServer.prototype.listen.call(runtime, options, events);
  };
  const fault = ({ message }: Error) => faults[message]!;
  const clock = new FakeClock();
  const given = Object.assign(runtime, { listen, fault }) as unknown as ServerRuntime;
  return { clock, tried, server: createWebSocketServer({ ...options, clock, runtime: given }) };
}

describe("a server that cannot listen", () => {
  const cases: [Fault, number, string, string][] = [
    ["other", 2302999, "listenFailed", "start: 10.0.0.1 port 7: Error: 10.0.0.1"],
    ["occupied", 2302007, "portOccupied", "start: 10.0.0.1 port 7"],
    ["denied", 201, "permission", "start: 10.0.0.1 port 7"],
    ["notPermitted", 2302005, "port", "start: 10.0.0.1 port 7"],
    ["notHere", 2302004, "nic", "start: 10.0.0.1 port 7"],
  ];
  for (const [fault, code, kind, words] of cases) {
    it(`says so with ${code}, and may be started again: ${fault}`, async () => {
      const { clock, server } = make({ "10.0.0.1": fault });
      const start = server.start({ serverPort: 7, serverIP: "10.0.0.1" });
      const error = await refusal(start);
      assertEquals([error.code, error.kind], [code, kind]);
      assertEquals(error.message.slice(error.message.indexOf(": ") + 2), words);
      assertEquals((error.cause as Error).message, "10.0.0.1");
      assertEquals(await server.start({ serverPort: 7, serverIP: "10.0.0.2" }), true);
      await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    });
  }

  it("tries IPv4 alone where there is no IPv6, and nothing else after another fault", async () => {
    const ways: [Record<string, Fault>, string[], number | true][] = [
      [{}, ["::"], true],
      [{ "::": "notHere" }, ["::", "0.0.0.0"], true],
      [{ "::": "notHere", "0.0.0.0": "occupied" }, ["::", "0.0.0.0"], 2302007],
      [{ "::": "notHere", "0.0.0.0": "notHere" }, ["::", "0.0.0.0"], 2302004],
      [{ "::": "occupied" }, ["::"], 2302007],
      [{ "::": "other" }, ["::"], 2302999],
    ];
    for (const [faults, expected, outcome] of ways) {
      const { clock, tried, server } = make(faults);
      const start = server.start({ serverPort: 7 });
      const came = await start.catch((error: { code: number }) => error.code);
      assertEquals([tried, came], [expected, outcome]);
      if (came === true) await clock.until(server.stop());
    }
  });

  it("says what the runtime has thrown, or cannot do, where it is to be mounted", async () => {
    const cause = new Error("odd");
    const runtime = Object.assign(new ScriptedServer(), {
      mount(): never {
        throw cause;
      },
      unsupported: ({ compression }: { compression?: boolean }) =>
        compression ? { option: "compression", why: "none here" } : undefined,
    });
    const server = createWebSocketServer({ clock: new FakeClock(), runtime });
    const error = await refusal(server.mount({}));
    assertEquals([error.kind, error.cause === cause], ["listenFailed", true]);
    assertEquals(error.message.endsWith(": mount: Error: odd"), true);
    const { kind, message } = await refusal(server.mount({ compression: true }));
    assertEquals([kind, message.split(": ").slice(1)], [
      "unsupported",
      ["mount", "'compression' cannot be had on the script", "none here"],
    ]);
  });

  it("says what is wrong with its certificate before it says that its signal has aborted", async () => {
    const { server } = make({});
    const serverCert = { certPath: "/no/cert.pem", keyPath: "/no/key.pem" };
    const signal = AbortSignal.abort();
    const kinds = [{ serverCert, signal }, { signal }].map(async (config) =>
      (await refusal(server.start({ serverPort: 7, ...config }))).kind
    );
    assertEquals(await Promise.all(kinds), ["noFile", "aborted"]);
  });

  it("says where it runs already, or that it is about to", async () => {
    const { clock, server } = make({}, { history: true }); // what it needs is loaded first
    const [first, second] = [server.start({ serverPort: 7 }), server.start({ serverPort: 8 })];
    const words = async (call: Promise<unknown>) => (await refusal(call)).message.split(": ")[2];
    assertEquals(await words(second), "this server is running already, or is about to");
    assertEquals(await clock.until(first), true);
    assertEquals(
      await words(server.start({ serverPort: 8 })),
      "this server is running already, on port 80",
    );
    const { kind, message: same } = await refusal(server.start({ serverPort: 80 }));
    assertEquals([kind, same.split(": ")[2]], [
      "portOccupied",
      "this server listens on 80 already",
    ]);
    await clock.until(server.stop());
    const mount = await clock.until(server.mount({}));
    const again = await refusal(server.mount({}));
    assertEquals([again.kind, again.message.split(": ")[1]], ["alreadyRunning", "mount"]);
    assertEquals(
      await words(server.start({ serverPort: 8 })),
      "this server is running already, in a host",
    );
    assertEquals(mount.websocketWith({ message() {} }), mount.websocket);
    const { message } = assertThrows(() => mount.websocketWith(5 as never), BusinessError);
    assertEquals(message.includes("websocketWith: the other's handler must be"), true);
    await clock.until(server.stop());
  });

  it("says where it runs already of a path, and of a port beside one", async () => {
    const clock = new FakeClock();
    const server = createWebSocketServer({ clock, runtime: new MemoryNetwork({ clock }).server });
    const says = async (config: Parameters<WebSocketServer["start"]>[0]) => {
      const { kind, message } = await refusal(server.start(config));
      return `${kind}: ${message.split(": ")[2]}`;
    };
    const running = "alreadyRunning: this server is running already, on";
    await server.start({ unixPath: "/run/a" });
    assertEquals([
      await says({ unixPath: "/run/b" }),
      await says({ serverPort: 0 }),
      await says({ unixPath: "/run/a" }),
    ], [
      `${running} /run/a`,
      `${running} /run/a`,
      "portOccupied: this server listens on /run/a already",
    ]);
    await clock.until(server.stop());
    await server.start({ serverPort: 7 });
    assertEquals([
      await says({ unixPath: "/run/a" }),
      await says({ serverPort: 8 }),
      await says({ serverPort: 7 }),
    ], [
      `${running} port 7`,
      `${running} port 7`,
      "portOccupied: this server listens on 7 already",
    ]);
    await clock.until(server.stop());
  });
});
