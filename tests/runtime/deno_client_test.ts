/** What the client on Deno asks of Deno, and makes of what that tells, here of one that does what a test says. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { DialRequest, End } from "../../runtime/contract.ts";
import { canPing } from "../../runtime/deno/internals.ts";
import { environment, PROXY_VARIABLES, withProxyEnvironment } from "../../runtime/proxy.ts";
import {
  denoClient,
  NotCapable,
  Scripted,
  withGlobals,
  World as Scene,
} from "../helpers/scripted_deno.ts";
import { Conn } from "../helpers/scripted_relay.ts";

const TLS = { insecure: false, minVersion: 0 };
const REQUEST: DialRequest = {
  url: "wss://a.example/",
  headers: { "x-own": "1" },
  protocols: ["a", "b"],
  tls: TLS,
  proxy: "system",
};

/** One whose requests say only what is another than above. */
class World extends Scene {
  override dial(request: Partial<DialRequest> = {}) {
    return super.dial({ ...REQUEST, ...request });
  }
}

const PROXY = { host: "p.example", port: 3128 };
const SECRET = { ...PROXY, username: "me", password: "p@" };
const identity = { cert: "c", key: "k" };
const plain = { headers: REQUEST.headers, protocols: REQUEST.protocols };
const inEnvironment = <T>(names: Record<string, string>, task: () => T): T =>
  withProxyEnvironment(environment(), { NETKIT: "", ...names }, task);

describe("the client on Deno", () => {
  it("is told by its name, and is none elsewhere", () => {
    const { runtime } = new World();
    assertEquals([runtime.name, runtime.canPing], ["Deno 0", canPing]);
    withGlobals({ Deno: undefined }, () => assertEquals(denoClient(), undefined));
  });

  it("asks for the permission that is missing, once, and says which it is", () => {
    const urls = [
      ["ws://a.example/", "a.example:80"],
      ["wss://a.example/", "a.example:443"],
      ["wss://a.example:80/", "a.example:80"],
    ] as const;
    for (const [url, host] of urls) {
      const says = (state: string, answer = "granted") => {
        const world = new World({ [host]: state });
        world.answers = answer;
        const error = world.runtime.denied(url) as Error | undefined;
        return [error?.message, ...world.told];
      };
      const message = `Requires net access to "${host}", run with --allow-net`;
      const asked = ["asks", "net", host];
      assertEquals(says("granted"), [undefined]);
      assertEquals(says("denied"), [message]);
      assertEquals(says("prompt"), [undefined, asked]);
      assertEquals(says("prompt", "denied"), [message, asked]);
      assertEquals(new World({ [host]: "denied" }).runtime.denied(url) instanceof NotCapable, true);
    }
    const nothing = new World({ ":80": "denied" });
    for (const url of ["no URL", "file:///a"]) {
      assertEquals([nothing.runtime.denied(url), nothing.told], [undefined, []]);
    }
  });

  it("names the option that Deno cannot honour, and why", () => {
    const ws = "ws://a.example/";
    const insecure = { ...TLS, insecure: true };
    const skip = "skipServerCertVerification";
    const alone = "it does so only with no client certificate and no proxy";
    const leave = "it needs --allow-env to leave the environment's proxy alone";
    const keep = "it needs --allow-env to keep the proxy's credentials from the server";
    const net = (host: string) => `it needs --allow-net=${host} to CONNECT through a proxy`;
    const noUrl = "the environment's https_proxy is no URL of a proxy";
    const noEnv = { env: "denied" };
    const granted = Object.fromEntries(PROXY_VARIABLES.map((name) => [name, "granted"]));
    const rows: [
      Partial<DialRequest>,
      (string | undefined)?,
      (string | undefined)?,
      Record<string, string>?,
      object?,
    ][] = [
      [{}],
      [{ compression: true }, "compression", "it has no permessage-deflate"],
      [{ tls: { ...TLS, minVersion: 2 } }],
      [
        { tls: { ...TLS, minVersion: 3 } },
        "minSupportTlsProtocol",
        "it accepts TLS 1.2 whatever it is told",
      ],
      [{ url: ws, tls: { ...TLS, minVersion: 3 } }],
      [{ tls: insecure }],
      [{ tls: { ...insecure, identity } }, skip, alone],
      [{ tls: insecure, proxy: PROXY }, skip, alone],
      [{ url: ws, tls: { ...insecure, identity } }],
      [{ url: ws, tls: insecure, proxy: PROXY }],
      [{ tls: insecure }, skip, alone, {}, { https_proxy: "http://p:1" }],
      [{ tls: insecure }, undefined, undefined, {}, { http_proxy: "http://p:1" }],
      [{ tls: insecure }, undefined, undefined, {}, { https_proxy: "http://p:1", no_proxy: "*" }],
      [{ tls: insecure, proxy: "no-proxy" }, undefined, undefined, {}, { all_proxy: "http://p:1" }],
      [{ url: ws, tls: insecure }, skip, alone, {}, { http_proxy: "https://p:1" }],
      [{ proxy: "no-proxy" }],
      [{ proxy: "no-proxy" }, "proxy", leave, noEnv],
      [{ proxy: "no-proxy" }, "proxy", leave, { NO_PROXY: "denied" }],
      [{ proxy: "no-proxy" }, "proxy", leave, { https_proxy: "prompt" }],
      [{ proxy: "no-proxy" }, undefined, undefined, { env: "prompt", ...granted }],
      [{ proxy: PROXY }, undefined, undefined, noEnv],
      [{ proxy: SECRET }, "proxy", keep, noEnv],
      [{ proxy: SECRET }],
      [{ url: ws, proxy: SECRET }, undefined, undefined, noEnv],
      [{}, undefined, undefined, noEnv, { https_proxy: "!" }],
      [{}, "proxy", noUrl, {}, { https_proxy: "!" }],
      [{ url: ws, proxy: PROXY }],
      [{ url: ws, proxy: PROXY }, "proxy", net("127.0.0.1"), { "127.0.0.1": "denied" }],
      [{ url: ws, proxy: PROXY }, "proxy", net("p.example:3128"), { "p.example:3128": "prompt" }],
      [{ proxy: PROXY }, "proxy", net("p.example:3128"), { "p.example:3128": "prompt" }],
      [{ proxy: SECRET }, undefined, undefined, { "p.example:3128": "denied" }],
      [{ url: ws }, "proxy", net("p:80"), { "p:80": "denied" }, { http_proxy: "http://p" }],
      [{ url: ws }, "proxy", net("p:443"), { "p:443": "denied" }, { http_proxy: "https://p" }],
    ];
    for (const [request, option, why, states = {}, env = {}] of rows) {
      const { runtime } = new World(states);
      const told = inEnvironment({ ...env }, () => runtime.unsupported({ ...REQUEST, ...request }));
      const expected = option === undefined ? undefined : { option, why };
      assertEquals([request, told], [request, expected]);
    }
  });

  it("dials with Deno's WebSocket alone where that does what is asked", () => {
    const world = new World();
    for (const url of ["wss://a.example/b?c", "ws://a.example/"]) {
      const dialled = inEnvironment({}, () => world.dial({ url }));
      assertEquals([dialled.url, dialled.init, world.told], [url, plain, []]);
    }
    const { init } = inEnvironment(
      {},
      () => world.dial({ url: "ws://a.example/", tls: { ...TLS, insecure: true } }),
    );
    assertEquals(init, plain);
  });

  it("says a URL's user in the header that it becomes, unless there is one", () => {
    const world = new World();
    for (
      const [user, bytes] of [
        ["me:p%40%20", "me:p@ "],
        ["me", "me:"],
        [":p", ":p"],
        ["%C3%BC:%E4%zz", "\xc3\xbc:\xe4%zz"],
      ] as const
    ) {
      const url = `ws://${user}@a.example/b`;
      const dialled = inEnvironment({}, () => world.dial({ url }));
      const headers = { authorization: `Basic ${btoa(bytes)}`, "x-own": "1" };
      assertEquals([dialled.url, dialled.init], ["ws://a.example/b", { ...plain, headers }]);
      const own = { authorization: "Bearer 1" };
      const { init } = inEnvironment({}, () => world.dial({ url, headers: own }));
      assertEquals(init, { ...plain, headers: own });
    }
  });

  it("takes any certificate by an option of undici's, and such authorities as it is told", () => {
    const world = new World();
    const name = Symbol.for("Deno.internal.node.undici.dispatcherOptions");
    for (const ca of [undefined, "PEM"]) {
      const tls = { ...TLS, insecure: true, ...(ca && { ca }) };
      const { init } = inEnvironment({}, () => world.dial({ tls }));
      const { dispatcher, ...rest } = init as { dispatcher: Record<symbol, unknown> };
      assertEquals(rest, plain);
      assertEquals(dispatcher[name], {
        unsafelyIgnoreCertificateErrors: true,
        ...(ca && { caCerts: [ca] }),
      });
    }
    assertEquals(world.told, []);
  });

  it("makes an HttpClient for what that alone can do, and closes it when the connection has begun", () => {
    const url = "http://p.example:3128";
    const noDelay = true;
    const https_proxy = "http://e.example:1";
    const rows: [Partial<DialRequest>, object, string[]?, object?][] = [
      [{ tls: { ...TLS, ca: "PEM" } }, { noDelay, caCerts: ["PEM"] }],
      [{ url: "ws://a.example/", tls: { ...TLS, ca: "PEM" } }, { noDelay, caCerts: ["PEM"] }],
      [{ tls: { ...TLS, identity } }, { noDelay, ...identity }],
      [{ proxy: PROXY, tls: { ...TLS, ca: "PEM", identity } }, {
        ...{ noDelay, caCerts: ["PEM"], ...identity, proxy: { url } },
      }],
      [{ proxy: SECRET }, { noDelay }, ["http://me:p%40@p.example:3128/"]],
      [{ proxy: "no-proxy" }, { noDelay }, [], { https_proxy }],
      [{ proxy: PROXY }, { noDelay, proxy: { url } }, [], { https_proxy, no_proxy: "*" }],
      [{}, { noDelay, proxy: { url: https_proxy } }, [], { https_proxy }],
      [{}, { noDelay }, [], { http_proxy: "http://e" }],
      [{ url: "ws://a.example/", proxy: "no-proxy" }, { noDelay }, [], { https_proxy }],
    ];
    for (const [request, options, seen = [], env = {}] of rows) {
      const world = new World();
      const { init } = inEnvironment({ ...env }, () => world.dial(request));
      const { client, ...rest } = init as { client: object };
      assertEquals([request, world.told], [request, [["client", options, ...seen], ["closed"]]]);
      assertEquals([rest, typeof client], [plain, "object"]);
    }
  });

  it("hears nothing of the environment where it may not read it", () => {
    const world = new World({ env: "prompt" });
    const { init } = inEnvironment({ https_proxy: "http://e.example:1" }, () => world.dial());
    assertEquals([init, world.told], [plain, []]);
  });

  it("tells what there is, in the form that was asked for, and how it ended", () => {
    const world = new World();
    const { buffer } = Uint8Array.from([1, 2]);
    for (const binaryType of [undefined, "uint8array"] as const) {
      const dial = () => world.dial({ ...binaryType && { binaryType } });
      const { events, socket, ws } = inEnvironment({}, dial);
      const { protocol, extensions } = socket;
      assertEquals([protocol, extensions, ws.binaryType], ["chat", "x", "arraybuffer"]);
      ws.tell("open");
      ws.tell("message", { data: "text" });
      ws.tell("message", { data: buffer });
      ws.tell("close", { code: 4001, reason: "theirs" });
      const bytes = binaryType === undefined ? buffer : new Uint8Array(buffer);
      assertEquals(events, ["open", "text", bytes, { code: 4001, reason: "theirs", unsent: 0 }]);
    }
    const error = new Error("tcp connect error");
    const rows = [
      [{ message: "said: tcp connect error", error }, "connection refused", error],
      [{ message: "frame too large" }, "the connection failed", "frame too large"],
      [{}, "the connection failed", undefined],
    ] as const;
    for (const [event, what, cause] of rows) {
      const { events, ws } = inEnvironment({}, () => world.dial());
      ws.tell("error", event);
      ws.tell("close", { code: 1006, reason: "" });
      const { failure, ...end } = events[0] as End;
      const tooBig = cause === "frame too large";
      assertEquals(end, { code: 0, reason: "", unsent: 0, tooBig });
      const { status, ...told } = failure!;
      assertEquals([told.what, status, String(told.cause)], [what, "0", String(cause)]);
    }
  });
});

describe("the client on Deno before an HTTP proxy, ws", () => {
  const request = { url: "ws://a.example/", proxy: PROXY };
  const LISTEN = ["listen", { hostname: "127.0.0.1", port: 0 }];
  const proxy = { transport: "tcp", hostname: "127.0.0.1", port: 1234 };
  const BEGUN = [LISTEN, ["client", { proxy, noDelay: true }], ["closed"]];
  const dial = (world: World, more: Partial<DialRequest> = {}) =>
    inEnvironment(
      { http_proxy: "http://e", no_proxy: "*" },
      () => world.dial({ ...request, ...more }),
    );

  it("goes through a relay, with the pass that this asks for", async () => {
    const world = new World();
    const { events, init, socket, url, ws } = dial(world, { binaryType: "uint8array" });
    const { headers, protocols, client } = init as {
      headers: Record<string, string>;
      protocols: string[];
      client: object;
    };
    assertEquals([url, protocols, typeof client], [request.url, ["a", "b"], "object"]);
    const names = Object.keys(headers);
    assertEquals([names.length, headers["x-own"], headers[names[1]!]], [2, "1", "1"]);
    assertMatch(names[1]!, /^x-relay-/);
    assertEquals([socket.isEnding, world.told], [false, BEGUN]);
    ws.tell("open");
    ws.tell("message", { data: Uint8Array.from([1]).buffer });
    ws.tell("close", { code: 1000, reason: "done" });
    assertEquals(events, ["open", Uint8Array.from([1])]); // until the relay has passed on what was sent
    for (const late of ["ü", "x"]) socket.send(late);
    assertEquals(socket.isEnding, true);
    await delay(0);
    assertEquals(events.slice(2), [{ code: 1000, reason: "done", unsent: 3 }]);
    assertEquals(world.told.slice(3), [["relay closed"]]);
  });

  it("comes to a proxy that speaks TLS, and trusts what it was told to trust there alone", async () => {
    const tls = { ...TLS, ca: "PEM" };
    const rows = [
      [
        "https://p.example",
        ["tcp", { hostname: "p.example", port: 443 }],
        ["tls", { hostname: "p.example", caCerts: ["PEM"] }],
      ],
      ["http://p.example", ["tcp", { hostname: "p.example", port: 80 }]],
    ] as const;
    for (const [http_proxy, ...asked] of rows) {
      const world = new World();
      const dial = () => world.dial({ ...request, proxy: "system", tls });
      const { init, socket } = inEnvironment({ http_proxy }, dial);
      const [, pass] = Object.keys(init.headers as object);
      world.comes(new Conn().come(`GET / HTTP/1.1\r\n${pass}: 1\r\n\r\n`));
      await delay(0);
      assertEquals(world.told.slice(3), [["relay closed"], ...asked]);
      socket.terminate();
    }
  });

  it("tells what Deno says where the relay knows no better", async () => {
    const { events, ws } = dial(new World());
    ws.tell("error", { message: "connection reset" });
    ws.tell("close", { code: 1006, reason: "" });
    await delay(0);
    assertEquals((events[0] as End).failure?.what, "the connection was reset");
  });

  it("tells no failure of the relay's where Deno has the server's Close frame", async () => {
    const world = new World();
    world.written = () => Promise.reject(new Error("Connection reset by peer"));
    const { events, init, ws } = dial(world);
    const [, pass] = Object.keys(init.headers as object);
    world.comes(new Conn().come(`GET / HTTP/1.1\r\n${pass}: 1\r\n\r\n`));
    await delay(0);
    ws.tell("close", { code: 4001, reason: "theirs" });
    await delay(0);
    assertEquals(events, [{ code: 4001, reason: "theirs", unsent: 0 }]);
  });

  it("leaves no relay behind where it is dropped, or Deno does not dial", async () => {
    const world = new World();
    dial(world).socket.terminate();
    assertEquals(world.told, [...BEGUN, ["relay closed"]]);
    const other = new World();
    Scripted.refuses = true;
    try {
      assertThrows(() => dial(other), SyntaxError, "not this");
    } finally {
      Scripted.refuses = false;
    }
    assertEquals(other.told, [...BEGUN, ["relay closed"]]);
    const third = new World();
    third.refusesClients = true;
    assertThrows(() => dial(third), NotCapable);
    assertEquals(third.told.at(-1), ["relay closed"]);
    await delay(0);
  });
});
