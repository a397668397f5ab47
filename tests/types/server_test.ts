/**
 * Programs that must compile, and some that must not: `deno check` looks at this file, and `tsc` with
 * Bun's types where the package is tested.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type StandardSchema,
  type TextOrBytes,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { duplexOf, wsServer } from "../../node.ts";
import { socketOf, streamsOf } from "../../standard.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles where a type is `true`. */
function isTrue<T extends true>(..._: T[]): void {}

/** What is only to be compiled. */
function compiled(_: (...args: never[]) => unknown): void {}

interface User {
  name: string;
}

interface Move {
  from: string;
  to: string;
}

const schema: StandardSchema<Move> = {
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: value as Move }) },
};

describe("the types of a server with a schema", () => {
  it("are those of the schema and of what `authorize` answers, both inferred", async () => {
    const server = createWebSocketServer({
      schema,
      authorize: ({ url }) => url.endsWith("/") ? { name: "Ada" } : new Response(null),
    });
    server.on("messageReceive", ({ clientConnection: { context }, data }) => {
      isTrue<Same<typeof data, Move>>();
      isTrue<Same<typeof context, { name: string }>>();
    });
    server.on("connect", ({ context }) => context.name);
    assertEquals(await server.start({ serverPort: 0, serverIP: "127.0.0.1" }), true);
    await server.stop();
    assertEquals((await server.mount()).address, undefined);
    await server.stop();
  });

  it("are both inferred where `authorize` takes its time", () => {
    compiled(() => {
      const server = createWebSocketServer({
        schema,
        async authorize({ headers }, { clientIP }) {
          await Promise.resolve();
          if (!headers.has("authorization")) return new Response(null, { status: 401 });
          return { name: clientIP };
        },
      });
      server.on("messageReceive", ({ clientConnection: { context }, data }) => {
        isTrue<Same<typeof data, Move>>();
        isTrue<Same<typeof context, { name: string }>>();
      });
    });
  });

  it("are both as they are named, and the schema's where none is named", () => {
    compiled(() => {
      const named = createWebSocketServer<User, Move>({ schema });
      isTrue<Same<typeof named, WebSocketServer<User, Move>>>();
      const plain = createWebSocketServer({ schema });
      plain.on("messageReceive", ({ data }) => isTrue<Same<typeof data, Move>>());
      // @ts-expect-error: that is no move
      createWebSocketServer<User, string>({ schema });
    });
  });

  it("are never those of a message that was not looked at", () => {
    compiled(() => {
      // TypeScript infers no second type where the first is named.
      const half = createWebSocketServer<User>({ schema });
      half.on("messageReceive", ({ data }) => isTrue<Same<typeof data, unknown>>());
    });
  });
});

describe("the types of a server whose connections have a context", () => {
  it("are inferred from `authorize`", () => {
    compiled(() => {
      const server = createWebSocketServer({ authorize: () => ({ name: "Ada" }) });
      server.on("connect", ({ context }) => isTrue<Same<typeof context, { name: string }>>());
      server.on("messageReceive", ({ data }) => isTrue<Same<typeof data, string | ArrayBuffer>>());
      // @ts-expect-error: that is nobody
      createWebSocketServer({ authorize: () => "Ada" });
      return server.start({ unixPath: "/tmp/a" });
    });
  });

  it("are those of a server that knows nothing where `authorize` only lets in", () => {
    compiled((isIn: boolean) => {
      const server = createWebSocketServer({ authorize: () => isIn || new Response(null) });
      isTrue<Same<typeof server, WebSocketServer>>();
      return server.start({ unixPath: "/tmp/a" });
    });
  });

  it("have `true` for who is nobody, and never undefined, which is answered with 500", () => {
    compiled((maybe: WebSocketServer<User | undefined>, user: User | undefined) => {
      void maybe.start({ serverPort: 0, authorize: () => user ?? true });
      // @ts-expect-error: undefined is no answer
      void maybe.start({ serverPort: 0, authorize: () => user });
      createWebSocketServer<User | undefined>({ authorize: () => user ?? true });
      // @ts-expect-error: undefined is no answer
      createWebSocketServer<User | undefined>({ authorize: () => user });
      // @ts-expect-error: undefined is no answer, later neither
      createWebSocketServer({ authorize: async () => await Promise.resolve(user) });
      // @ts-expect-error: who says who it is?
      void createWebSocketServer<User>().start({ serverPort: 0, authorize: () => true });
    });
  });

  it("find fault with the option that is wrong, and with no other", () => {
    compiled(() => {
      createWebSocketServer({
        // @ts-expect-error: null is no answer
        authorize: ({ url }) => url ? { name: "Ada" } : null,
        history: true,
      });
      createWebSocketServer({
        authorize: () => ({ name: "Ada" }),
        // @ts-expect-error: it is an option of `start`
        maxConnections: 5,
      });
    });
  });

  it("need `authorize` to start and to be mounted", () => {
    compiled((typed: WebSocketServer<User>, maybe: WebSocketServer<User | undefined>) => {
      // @ts-expect-error: who says who it is?
      void typed.start({ serverPort: 0 });
      // @ts-expect-error: who says who it is?
      void typed.start({ unixPath: "/tmp/a" });
      // @ts-expect-error: who says who it is?
      void typed.start({ serverPort: 0, authorize: undefined });
      // @ts-expect-error: who says who it is?
      void typed.mount();
      // @ts-expect-error: who says who it is?
      void typed.mount({ path: "/chat" });
      const authorize = () => ({ name: "Ada" });
      void typed.start({ serverPort: 0, authorize });
      void typed.start({ unixPath: "/tmp/a", authorize });
      void typed.mount({ path: "/chat", authorize });
      void maybe.start({ serverPort: 0 });
      void maybe.mount();
    });
    compiled((plain: WebSocketServer) => [plain.start({ serverPort: 0 }), plain.mount()]);
  });

  it("may stand where one of any server may", () => {
    const count = (server: WebSocketServer) => server.listAllConnections().length;
    assertEquals(count(createWebSocketServer<User>()), 0);
    assertEquals(count(createWebSocketServer({ authorize: () => ({ name: "Ada" }) })), 0);
    compiled((typed: WebSocketServer<User>): WebSocketServer<User | undefined> => typed);
    compiled((typed: WebSocketServer<User>): WebSocketServer<object> => typed);
    compiled((typed: WebSocketServer<undefined>): WebSocketServer => typed);
    compiled((typed: WebSocketServer<User, Move>): WebSocketServer<User, unknown> => typed);
  });

  it("have it for certain, and it is unknown where nothing is known of it", () => {
    compiled((typed: WebSocketConnection<User>, plain: WebSocketConnection) => {
      isTrue<Same<typeof typed.context, User>>();
      isTrue<Same<typeof plain.context, unknown>>();
      const optional = {} as WebSocketConnection<{ room?: string }>;
      isTrue<Same<typeof optional.context, { room?: string }>>();
    });
  });
});

describe("the types of messages with binaryType: 'uint8array'", () => {
  it("are text and views, on both sides, with a context and without", () => {
    compiled(async () => {
      const server = createWebSocketServer({
        binaryType: "uint8array",
        observer: { received: ({ clientIP }, data) => [clientIP, data] },
      });
      isTrue<Same<typeof server, WebSocketServer<object | undefined, TextOrBytes>>>();
      server.on("messageReceive", ({ data }) => isTrue<Same<typeof data, TextOrBytes>>());
      // @ts-expect-error: it is a view
      server.on("messageReceive", ({ data }: { data: string | ArrayBuffer }) => data);
      const named = createWebSocketServer<User>({ binaryType: "uint8array" });
      isTrue<Same<typeof named, WebSocketServer<User, TextOrBytes>>>();
      const authorize = () => ({ name: "Ada" });
      const authorizing = createWebSocketServer({ binaryType: "uint8array", authorize });
      authorizing.on("messageReceive", ({ clientConnection: { context }, data }) => {
        isTrue<Same<typeof context, { name: string }>>();
        isTrue<Same<typeof data, TextOrBytes>>();
      });
      await authorizing.start({ serverPort: 0 });
      const ws = createWebSocket({ binaryType: "uint8array" });
      ws.on("message", (_, data) => isTrue<Same<typeof data, TextOrBytes>>());
      for await (const data of ws) isTrue<Same<typeof data, TextOrBytes>>();
      for (const connection of server.listAllConnections()) {
        isTrue<Same<typeof connection, WebSocketConnection>>();
        socketOf(server, connection);
        streamsOf(server, connection);
        duplexOf(server, connection);
      }
      wsServer(server);
      streamsOf(ws);
      duplexOf(ws);
    });
  });

  it("are buffers by default, where that is said, and where options are passed on", () => {
    compiled((options: WebSocketServerOptions) => {
      for (
        const server of [
          createWebSocketServer({ binaryType: "arraybuffer" }),
          createWebSocketServer(options),
        ]
      ) isTrue<Same<typeof server, WebSocketServer>>();
    });
    compiled((binaryType: "arraybuffer" | "uint8array") => {
      // @ts-expect-error: which one must be known
      createWebSocketServer({ binaryType });
      // @ts-expect-error: which one must be known
      createWebSocket({ binaryType });
    });
  });
});
