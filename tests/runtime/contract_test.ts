/**
 * What `runtime/contract.ts` asks of a transport, asked of the runtime these tests run on and of the
 * network in memory: what is tested on the one holds on the other.
 */

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type {
  Address,
  Admission,
  ClientSocket,
  DialRequest,
  End,
  ListenOptions,
  RequestResult,
  Socket,
  TcpListener,
} from "../../runtime/contract.ts";
import { TRANSPORTS } from "./transports.ts";

const LIMIT_MS = 30_000;

const LISTEN: ListenOptions = {
  hostname: "127.0.0.1",
  port: 0,
  maxPayload: 1_000_000,
  identity: undefined,
  deadAfter: 60,
};

/** One end's events, to be waited for. */
class Side<S extends Socket> {
  readonly opened = Promise.withResolvers<S>();
  readonly over = Promise.withResolvers<End>();
  readonly messages: (string | ArrayBuffer)[] = [];
  alives = 0;
  closes = 0;
  #look: () => void = () => {};

  readonly events = {
    message: (data: string | ArrayBuffer): void => {
      this.messages.push(data);
      this.#look();
    },
    alive: (): void => {
      this.alives++;
      this.#look();
    },
    closed: (end: End): void => {
      this.closes++;
      this.over.resolve(end);
    },
  };

  /** Waits until something holds, looked at after each event. */
  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#look = () => holds() && resolve();
    await deadline(promise, LIMIT_MS);
  }
}

interface Room {
  listener: TcpListener;
  /** What is answered to each request. */
  answer(request: Request, peer: Address): RequestResult | Promise<RequestResult>;
  dial(request?: Partial<DialRequest>): Side<ClientSocket> & { socket: ClientSocket };
}

function welcome(side: Side<Socket>, protocol = ""): Admission {
  return { ...side.events, protocol, open: side.opened.resolve };
}

for (const { name, client, server } of TRANSPORTS) {
  /** Listens, runs a test, and leaves nothing behind. */
  const withRoom = async (test: (room: Room) => Promise<void>): Promise<void> => {
    const dialled: (Side<ClientSocket> & { socket: ClientSocket })[] = [];
    const room: Room = {
      listener: server.listen(LISTEN, {
        request: (request, peer) => room.answer(request, peer),
        failed() {},
        lost() {},
      }),
      answer: () => new Response(null, { status: 418 }),
      dial: (request) => {
        const side = new Side<ClientSocket>();
        const url = `ws://127.0.0.1:${room.listener.address.port}/`;
        const full: DialRequest = {
          url,
          headers: {},
          protocols: [],
          tls: { insecure: false, minVersion: 0 },
          proxy: "no-proxy",
          ...request,
        };
        const open = () => side.opened.resolve(socket);
        const socket: ClientSocket = client.dial(full, { ...side.events, open });
        const made = Object.assign(side, { socket });
        dialled.push(made);
        return made;
      },
    };
    try {
      await test(room);
    } finally {
      for (const { socket } of dialled) socket.terminate();
      await deadline(room.listener.close(1000), LIMIT_MS);
    }
  };

  /** Runs a test on a connection that is open. */
  const withPair = (
    test: (pair: {
      near: Side<ClientSocket>;
      far: Side<Socket>;
      client: ClientSocket;
      server: Socket;
    }) => Promise<void>,
  ) =>
    withRoom(async (room) => {
      const far = new Side<Socket>();
      room.answer = () => welcome(far);
      const near = room.dial();
      const server = await deadline(far.opened.promise, LIMIT_MS);
      await deadline(near.opened.promise, LIMIT_MS);
      await test({ near, far, client: near.socket, server });
      server.terminate();
    });

  describe(`${name} as a transport`, () => {
    it("listens on a free port where 0 is asked for, and says which", () =>
      withRoom(({ listener }) => {
        assertGreater(listener.address.port, 0);
        assertEquals(listener.address.hostname, "127.0.0.1");
        return Promise.resolve();
      }));

    it("calls a port that is taken occupied", () =>
      withRoom(({ listener }) => {
        const { port } = listener.address;
        const listen = () =>
          server.listen({ ...LISTEN, port }, {
            request: () => new Response(),
            failed() {},
            lost() {},
          });
        assertEquals(server.fault(assertThrows(listen)), "occupied");
        return Promise.resolve();
      }));

    it("shows the handshake and where it comes from, and agrees on a subprotocol", () =>
      withRoom(async (room) => {
        const far = new Side<Socket>();
        let seen: { headers: Headers; method: string; url: string };
        let from: Address;
        room.answer = ({ headers, method, url }, peer) => {
          seen = { headers: new Headers(headers), method, url };
          from = peer;
          return welcome(far, "b");
        };
        const near = room.dial({
          protocols: ["a", "b"],
          headers: { "x-one": "1" },
          url: `ws://127.0.0.1:${room.listener.address.port}/path?query=1`,
        });
        const socket = await deadline(near.opened.promise, LIMIT_MS);
        assertEquals([socket.protocol, socket.extensions], ["b", ""]);
        const { headers, method, url } = seen!;
        assertEquals([method, new URL(url).pathname], ["GET", "/path"]);
        assertEquals(new URL(url).search, "?query=1");
        assertEquals(headers.get("upgrade")?.toLowerCase(), "websocket");
        assertEquals(headers.get("connection")?.toLowerCase(), "upgrade");
        assertEquals(headers.get("sec-websocket-version"), "13");
        assertEquals(headers.get("sec-websocket-key")?.length, 24);
        assertEquals(headers.get("sec-websocket-protocol")?.replaceAll(" ", ""), "a,b");
        assertEquals(headers.get("host"), `127.0.0.1:${room.listener.address.port}`);
        assertEquals(headers.get("x-one"), "1");
        assertEquals(from!.hostname, "127.0.0.1");
        assertGreater(from!.port, 0);
        (await deadline(far.opened.promise, LIMIT_MS)).terminate();
      }));

    it("tells the client the status it is refused with", () =>
      withRoom(async (room) => {
        room.answer = () => Promise.resolve(new Response("no", { status: 403 }));
        const { failure } = await deadline(room.dial().over.promise, LIMIT_MS);
        assertEquals(failure?.status, "403");
        assertEquals(failure?.what, "the server answered with HTTP status 403");
      }));

    it("refuses where nobody listens", () =>
      withRoom(async (room) => {
        const other = server.listen(LISTEN, {
          request: () => new Response(),
          failed() {},
          lost() {},
        });
        const url = `ws://127.0.0.1:${other.address.port}/`;
        await deadline(other.close(1000), LIMIT_MS);
        const { failure } = await deadline(room.dial({ url }).over.promise, LIMIT_MS);
        assertEquals(failure?.what, "connection refused");
      }));

    it("tells whoever decides about a client that it has left", () =>
      withRoom(async (room) => {
        const { promise, resolve } = Promise.withResolvers<AbortSignal>();
        const left = Promise.withResolvers<RequestResult>();
        room.answer = ({ signal }) => {
          resolve(signal);
          signal.addEventListener("abort", () => left.resolve(new Response(null, { status: 400 })));
          return left.promise;
        };
        const near = room.dial();
        const signal = await deadline(promise, LIMIT_MS);
        near.socket.terminate();
        await deadline(left.promise, LIMIT_MS);
        assert(signal.aborted);
      }));

    it("delivers text and bytes in order, each way, as an ArrayBuffer of its own", () =>
      withPair(async ({ near, far, client, server }) => {
        const bytes = new Uint8Array([9, 1, 2, 3, 9]);
        for (const [from, to] of [[client, far], [server, near]] as const) {
          bytes.set([9, 1, 2, 3, 9]);
          from.send("one");
          from.send("");
          from.send(bytes.subarray(1, 4));
          bytes.fill(7); // what is sent is what it was at the call
          from.send(bytes.buffer);
          from.send(new ArrayBuffer(0));
          from.send("Zoë 🙂");
          await to.until(() => to.messages.length === 6);
          const seen = to.messages.map((data) =>
            typeof data === "string" ? data : [...new Uint8Array(data)]
          );
          assertEquals(seen, ["one", "", [1, 2, 3], [7, 7, 7, 7, 7], [], "Zoë 🙂"]);
          assert(to.messages[2] instanceof ArrayBuffer);
        }
      }));

    it("answers a Ping of either side's", () =>
      withPair(async ({ near, far, client, server }) => {
        client.ping();
        await near.until(() => near.alives > 0);
        server.ping();
        await far.until(() => far.alives > 0);
      }));

    it("tells the other side what it is closed with, after what was sent, and both once", () =>
      withPair(async ({ near, far, client }) => {
        client.send("last");
        client.close(4001, "enough");
        client.send("too late");
        const { code, reason, failure } = await deadline(far.over.promise, LIMIT_MS);
        assertEquals([code, reason, failure], [4001, "enough", undefined]);
        assertEquals(far.messages, ["last"]);
        await deadline(near.over.promise, LIMIT_MS);
        assertEquals([near.closes, far.closes, client.bufferedAmount], [1, 1, 0]);
      }));

    it("does so where it is the server that closes", () =>
      withPair(async ({ near, far, server }) => {
        server.send("last");
        server.close(1001, "going");
        const { code, reason, failure } = await deadline(near.over.promise, LIMIT_MS);
        assertEquals([code, reason, failure], [1001, "going", undefined]);
        assertEquals(near.messages, ["last"]);
        await deadline(far.over.promise, LIMIT_MS);
        assertEquals([near.closes, far.closes], [1, 1]);
      }));

    it("has the other side see a loss where one drops the connection", async () => {
      const isLoss = ({ code, failure }: End) => failure !== undefined || code === 1006;
      await withPair(async ({ far, client }) => {
        client.terminate();
        assert(isLoss(await deadline(far.over.promise, LIMIT_MS)));
      });
      await withPair(async ({ near, server }) => {
        server.terminate();
        assert(isLoss(await deadline(near.over.promise, LIMIT_MS)));
      });
    });

    it("ignores whatever is asked of a connection that is over", () =>
      withPair(async ({ near, far, client, server }) => {
        client.close(1000, "");
        await deadline(Promise.all([near.over.promise, far.over.promise]), LIMIT_MS);
        for (const socket of [client, server]) {
          socket.send("nobody hears");
          socket.ping();
          socket.close(1000, "");
          socket.terminate();
        }
        assertEquals([near.closes, far.closes, near.messages, far.messages], [1, 1, [], []]);
      }));
  });
}
