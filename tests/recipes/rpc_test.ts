/** tRPC, oRPC and JSON-RPC over our server and our class. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createORPCClient } from "@orpc/client";
import { os, type RouterClient } from "@orpc/server";
import { createTRPCClient, wsLink } from "@trpc/client";
import { initTRPC } from "@trpc/server";
import { JSONRPCServer } from "json-rpc-2.0";
import { z } from "zod";
import { jsonRpcServer } from "../../docs/recipes/json_rpc.ts";
import { jsonRpcClient } from "../../docs/recipes/json_rpc_client.ts";
import { orpcLink, orpcServer } from "../../docs/recipes/orpc.ts";
import { trpcClient, trpcServer } from "../../docs/recipes/trpc.ts";
import type { WebSocketServer } from "../../mod.ts";
import { within } from "../helpers/client.ts";
import { next } from "../helpers/sockets.ts";

async function run(server: WebSocketServer, use: (url: string) => Promise<void>): Promise<void> {
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  try {
    await use(`ws://127.0.0.1:${server.address!.port}/`);
  } finally {
    await server.stop();
  }
}

describe("tRPC", () => {
  const t = initTRPC.context<{ user: string | string[] | undefined }>().create();
  const router = t.router({
    hello: t.procedure.input(z.string()).query(({ input, ctx }) => `hello ${input} by ${ctx.user}`),
    count: t.procedure.subscription(async function* () {
      for (let i = 1; i <= 3; i++) yield i;
    }),
  });

  it("answers queries and subscriptions, and knows the request's headers", async () => {
    await run(trpcServer(router), async (url) => {
      const ws = trpcClient(url);
      const client = createTRPCClient<typeof router>({ links: [wsLink({ client: ws })] });
      assertEquals(await within(client.hello.query("you")), "hello you by anna");
      await assertRejects(() => within(client.hello.query(5 as unknown as string)));
      const counts: number[] = [];
      await within(
        new Promise<void>((resolve, reject) =>
          client.count.subscribe(undefined, {
            onData: (count) => void counts.push(count),
            onComplete: resolve,
            onError: reject,
          })
        ),
      );
      assertEquals(counts, [1, 2, 3]);
      await ws.close();
    });
  });
});

describe("oRPC", () => {
  const router = {
    hello: os.input(z.string()).handler(({ input }) => `hello ${input}`),
    count: os.handler(async function* () {
      for (let i = 1; i <= 3; i++) yield i;
    }),
  };

  it("answers calls and iterators", async () => {
    await run(orpcServer(router), async (url) => {
      const { link, socket } = orpcLink(url);
      const client: RouterClient<typeof router> = createORPCClient(link);
      assertEquals(await within(client.hello("you")), "hello you");
      const counts: number[] = [];
      for await (const count of await within(client.count())) counts.push(count);
      assertEquals(counts, [1, 2, 3]);
      const closed = next(socket, "close");
      socket.close();
      await closed;
      await assertRejects(() => within(client.hello("you")), Error, "not open");
    });
  });

  it("answers again when the server is back", async () => {
    const server = orpcServer(router);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const serverPort = server.address!.port;
    const { link, socket } = orpcLink(`ws://127.0.0.1:${serverPort}/`);
    try {
      const client: RouterClient<typeof router> = createORPCClient(link);
      assertEquals(await within(client.hello("you")), "hello you");
      const open = next(socket, "open");
      await server.stop();
      await server.start({ serverPort, serverIP: "127.0.0.1" });
      await open;
      assertEquals(await within(client.hello("again")), "hello again");
    } finally {
      socket.close();
      await server.stop();
    }
  });
});

describe("JSON-RPC", () => {
  it("answers calls, and those that were made before the connection was there", async () => {
    const methods = new JSONRPCServer();
    methods.addMethod("add", ({ a, b }: { a: number; b: number }) => a + b);
    await run(jsonRpcServer(methods), async (url) => {
      const { client, socket } = jsonRpcClient(url);
      assertEquals(await within(Promise.resolve(client.request("add", { a: 1, b: 2 }))), 3);
      await assertRejects(async () => await client.request("subtract", {}));
      const closed = next(socket, "close");
      socket.close();
      await closed;
      // What nobody will ever answer is not left waiting.
      await assertRejects(
        () => within(Promise.resolve(client.request("add", { a: 1, b: 2 }))),
        Error,
        "closed",
      );
    });
  });

  it("says where an answer cannot be sent", async () => {
    const methods = new JSONRPCServer();
    methods.addMethod("repeat", (count: number) => "x".repeat(count));
    const server = jsonRpcServer(methods);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1", maxPayload: 1000 });
    const { client, socket } = jsonRpcClient(`ws://127.0.0.1:${server.address!.port}/`);
    const asked = [900, 1000].map((count) =>
      client.requestAdvanced({
        ...{ jsonrpc: "2.0", id: count, method: "repeat", params: count },
      })
    );
    const [fits, over] = await within(Promise.all(asked));
    assertEquals([fits!.result.length, over!.error!.code], [900, -32603]);
    assertMatch(over!.error!.message, /'maxPayload' is 1000/);
    socket.close();
    await server.stop();
  });

  it("keeps what is asked while it reconnects, though attempts fail, and has it done once", async () => {
    const asked: unknown[] = [];
    const methods = new JSONRPCServer();
    methods.addMethod("note", (what: string) => asked.push(what));
    methods.addMethod("never", () => new Promise(() => {}));
    const server = jsonRpcServer(methods);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const serverPort = server.address!.port;
    const { client, socket } = jsonRpcClient(`ws://127.0.0.1:${serverPort}/`);
    try {
      await within(Promise.resolve(client.request("note", "before")));
      const lost = assertRejects(async () => await client.request("never", {}), Error, "closed");
      const broken = next(socket, "close");
      await server.stop();
      await broken;
      await lost;
      const answer = Promise.resolve(client.request("note", "meanwhile"));
      await next(socket, "close"); // an attempt that fails
      await server.start({ serverPort, serverIP: "127.0.0.1" });
      assertEquals(await within(answer), 2);
      assertEquals(asked, ["before", "meanwhile"]);
    } finally {
      socket.close();
      if (server.address !== undefined) await server.stop();
    }
  });
});
