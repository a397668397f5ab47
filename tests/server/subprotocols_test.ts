import { assertEquals, assertFalse, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { readOffer } from "../../server/subprotocols.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";
import { header, rawHandshake } from "../peers/raw.ts";

type Protocol = WebSocketServerConfig["protocol"];

/** The status of a handshake that offers subprotocols, and which was chosen. */
async function offer(port: number, offered: string | undefined): Promise<[number, string]> {
  const headers = { "sec-websocket-protocol": offered };
  const { status, peer } = await rawHandshake(port, { headers });
  peer.reset();
  return [status, header(peer.head, "sec-websocket-protocol")];
}

describe("createWebSocketServer().start({ protocol })", () => {
  const mqtt = (offered: string[]) => offered.find((name) => name.startsWith("mqtt"));
  const cases: [
    what: string,
    protocol: Protocol,
    answers: [string | undefined, number, string][],
  ][] = [
    ["chooses none when left out", undefined, [[undefined, 101, ""], ["a", 101, ""]]],
    ["chooses none when it is empty", "", [[undefined, 101, ""], ["a", 101, ""]]],
    ["chooses one", "chat", [
      ["chat", 101, "chat"],
      ["a,chat", 101, "chat"],
      ["a , chat ,b", 101, "chat"],
      ["Chat", 400, ""],
      ["a", 400, ""],
      ["", 400, ""],
      [undefined, 400, ""],
    ]],
    ["chooses the first of its own, MQTT 3.1 beside MQTT", ["mqtt", "mqttv3.1"], [
      ["mqttv3.1", 101, "mqttv3.1"],
      ["mqtt", 101, "mqtt"],
      ["mqttv3.1, mqtt", 101, "mqtt"],
      ["graphql-transport-ws", 400, ""],
      [undefined, 400, ""],
    ]],
    ["chooses what a function says", mqtt, [
      ["graphql-transport-ws,mqttv3.1,mqtt", 101, "mqttv3.1"],
      ["graphql-transport-ws", 101, ""],
      [undefined, 101, ""],
    ]],
  ];
  for (const [what, protocol, answers] of cases) {
    it(what, async () => {
      await using watched = await WatchedServer.start({ protocol });
      for (const [offered, status, chosen] of answers) {
        assertEquals(await offer(watched.port, offered), [status, chosen], offered);
      }
    });
  }

  it("serves GraphQL and MQTT on one port, and the connection says which", async () => {
    await using pair = await MemoryPair.start({
      config: { protocol: ["graphql-transport-ws", "mqtt"] },
    });
    for (const protocol of ["mqtt", "graphql-transport-ws"]) {
      const connection = await pair.open({ protocol });
      assertEquals([connection.protocol, pair.ws.protocol], [protocol, protocol]);
      await pair.close();
    }
  });

  it("names all it speaks when it refuses", async () => {
    await using watched = await WatchedServer.start({ protocol: ["a", "b"] });
    await offer(watched.port, "c");
    assertStringIncludes(watched.errors[0]!.message, "400: the subprotocol a or b is not offered");
  });

  const failures: Record<string, (offered: string[]) => unknown> = {
    "chooses what was not offered": () => "other",
    "chooses nothing that is text": () => 5,
    "answers later": async (offered) => await offered[0],
    "answers later, with a failure": () => Promise.reject(new Error("nobody waits for it")),
    "answers null": () => null,
    "answers ''": () => "",
    "throws": () => {
      throw new RangeError("no idea");
    },
    "changes the list it is given": (offered) => offered[0] = "other",
  };
  for (const [what, choose] of Object.entries(failures)) {
    it(`answers 500 and tells 'error' when the function ${what}`, async () => {
      await using watched = await WatchedServer.start({ protocol: choose as Protocol });
      assertEquals(await offer(watched.port, "chat"), [500, ""]);
      const [error] = watched.errors;
      assertEquals([error!.code, error!.kind], [2302999, "hookFailed"]);
      assertStringIncludes(error!.message, "'protocol' failed: ");
      assertInstanceOf(error!.cause, what === "throws" ? RangeError : TypeError);
      const rule =
        "it must answer with a subprotocol that was offered, or undefined: current value";
      assertStringIncludes(String(error!.cause), what === "throws" ? "no idea" : rule);
      assertEquals(watched.log, ["error 2302999 undefined"]);
    });
  }

  it("asks the function with the offer and the request, before the limits and 'authorize'", async () => {
    const asked: unknown[] = [];
    await using watched = await WatchedServer.start({
      maxConnectionsForOneClient: 1,
      protocol: (offered, request) => {
        asked.push([offered, new URL(request.url).pathname]);
        return undefined;
      },
      authorize: () => (asked.push("authorize"), true),
    });
    await offer(watched.port, "b,a,, c");
    assertEquals(asked, [[["b", "a", "c"], "/"], "authorize"]);
  });

  it("says once to 'error' what a client offers in vain", async () => {
    await using watched = await WatchedServer.start();
    assertEquals(await offer(watched.port, undefined), [101, ""]);
    const offered = `mqtt, b\t, bearer.${"x".repeat(100)}secret, more`;
    assertEquals(await offer(watched.port, offered), [101, ""]);
    assertEquals(await offer(watched.port, "mqtt"), [101, ""]);
    const told = watched.errors.filter(({ kind }) => kind !== "lost"); // each peer resets
    assertEquals(told.map(({ code, kind }) => [code, kind]), [[2302999, "noSubprotocol"]]);
    const [error] = told;
    const { clientIP, clientPort, message } = error!;
    assertEquals([clientIP, message.includes(`: ${clientIP}:${clientPort} offers`)], [
      "127.0.0.1",
      true,
    ]);
    assertStringIncludes(error!.message, 'offers the subprotocols "mqtt", ');
    assertStringIncludes(error!.message, ", …; this server speaks none: set 'protocol'");
    assertFalse(error!.message.includes("secret"), error!.message); // a page's token may be in it
  });

  it("says all of up to three, and not that there are more", async () => {
    await using watched = await WatchedServer.start();
    assertEquals(await offer(watched.port, "a, b, c"), [101, ""]);
    const [error] = watched.errors.filter(({ kind }) => kind !== "lost");
    assertStringIncludes(error!.message, 'offers the subprotocols "a", "b", "c"; this server');
  });

  for (
    const [what, protocol, status] of [["a function chooses none", () => undefined, [101, ""]], [
      "there is one of the list",
      ["mqtt"],
      [101, "mqtt"],
    ]] as const
  ) {
    it(`says nothing of an offer where ${what}`, async () => {
      await using watched = await WatchedServer.start({ protocol });
      assertEquals(await offer(watched.port, "mqtt"), [...status]);
      assertEquals(watched.errors.filter(({ kind }) => kind !== "lost"), []);
    });
  }

  for (
    const protocol of ["a,b", "a b", " ", "ü", 5, null, {}, [], ["a", "a"], ["a", ""], ["a b"], [5]]
  ) {
    it(`is refused with 401: ${JSON.stringify(protocol)}`, async () => {
      const server = createWebSocketServer();
      await assertRefused(
        () => server.start({ serverPort: 0, protocol: protocol as never }),
        401,
        "start: 'protocol' must be one token, an array of different ones, or a function: current",
      );
    });
  }
});

describe("readOffer()", () => {
  it("reads a list, with blanks or none, in its order", () => {
    assertEquals(readOffer("b,a , c"), ["b", "a", "c"]);
    assertEquals(readOffer(", ,a"), ["a"]);
    assertEquals(readOffer(""), []);
    assertEquals(readOffer(null), []);
  });
});
