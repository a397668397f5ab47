/**
 * Programs that must compile, and some that must not: `deno check` looks at this file with all others.
 * What is not to compile is marked with `@ts-expect-error`, which is an error where it does.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type AsyncCallback,
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketConnection,
  type WebSocketRequestOptions,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles where a type is `true`. */
function isTrue<T extends true>(..._: T[]): void {}

/** What is only to be compiled. */
function compiled(_: (...args: never[]) => unknown): void {}

const URL = "ws://localhost/";

describe("the types of the client", () => {
  it("take a callback that may be undefined", () => {
    compiled((ws: WebSocketClient, maybe: AsyncCallback<boolean> | undefined) => {
      const sent = ws.send("hello", maybe);
      isTrue<Same<typeof sent, Promise<boolean> | void>>();
      const connected = ws.connect(URL, {}, maybe);
      isTrue<Same<typeof connected, Promise<boolean> | void>>();
      const closed = ws.close(undefined, maybe);
      isTrue<Same<typeof closed, Promise<boolean> | void>>();
    });
  });

  it("answer with a promise or with nothing, as there is a callback", () => {
    compiled((ws: WebSocketClient) => {
      const promised = [
        ws.send("hello"),
        ws.connect(URL),
        ws.connect(URL, {}),
        ws.close(),
        ws.close({}),
      ];
      isTrue<Same<typeof promised, Promise<boolean>[]>>();
      const called = ws.send("hello", (error, value) => {
        isTrue<Same<typeof value, boolean>>();
        return error?.code;
      });
      isTrue<Same<typeof called, void>>();
      const closed = ws.close({ code: 4000 }, (error) => error?.message);
      isTrue<Same<typeof closed, void>>();
      const connected = ws.connect(URL, { protocol: "a" }, (_, value) => !value);
      isTrue<Same<typeof connected, void>>();
      ws.connect(URL, (error) => error?.kind);
      ws.close((error) => error?.kind);
    });
  });

  it("take undefined for what is left out, with exactOptionalPropertyTypes", () => {
    const options: WebSocketRequestOptions = {
      ...{ header: undefined, protocol: undefined, caPath: undefined, clientCert: undefined },
      ...{ proxy: undefined, pingInterval: undefined, pongTimeout: undefined, signal: undefined },
      ...{ connectTimeout: undefined, minSupportTlsProtocol: undefined },
      skipServerCertVerification: undefined,
    };
    const client: WebSocketClientOptions = {
      ...{ maxPayload: undefined, maxBufferedAmount: undefined, reconnect: undefined },
      ...{ observer: undefined, stats: undefined, clock: undefined, runtime: undefined },
    };
    const server: WebSocketServerOptions = {
      ...{ schema: undefined, observer: undefined, stats: undefined, clock: undefined },
      runtime: undefined,
    };
    assertEquals(Object.keys(options).length, 11);
    assertEquals([createWebSocket(client).state, createWebSocketServer(server).address], [
      "idle",
      undefined,
    ]);
    compiled((ws: WebSocketClient) => ws.close({ code: undefined, reason: undefined }));
  });

  it("refuse an option that is misspelt", () => {
    compiled((ws: WebSocketClient) => {
      // @ts-expect-error: there is no such option
      void ws.connect(URL, { pingIntervall: 3 });
      // @ts-expect-error: there is no such option
      void ws.close({ cod: 1000 });
      // @ts-expect-error: a number cannot be sent
      void ws.send(5);
    });
  });
});

interface User {
  name: string;
}

describe("the types of the server", () => {
  it("let a listener of any connection stand where one of a typed server may", () => {
    const typed = createWebSocketServer<User>();
    const tell = (connection: WebSocketConnection) => connection.clientIP;
    typed.on("connect", tell);
    typed.on("connect", ({ context }) => context.name);
    typed.on("close", tell);
    compiled((one: WebSocketConnection<User>): WebSocketConnection => one);
    assertEquals(typed.listAllConnections(), []);
  });

  it("let `authorize` answer with an object where no context is named: it is unknown then", () => {
    compiled((server: WebSocketServer) => {
      server.on("connect", ({ context }) => isTrue<Same<typeof context, unknown>>());
      return server.start({ serverPort: 0, authorize: () => ({ name: "Ada" }) });
    });
    compiled((server: WebSocketServer<User>) => {
      // @ts-expect-error: that is no user
      void server.start({ serverPort: 0, authorize: () => ({ nome: "Ada" }) });
      return server.start({ serverPort: 0, authorize: () => ({ name: "Ada" }) });
    });
  });
});
