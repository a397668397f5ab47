/** graphql-ws over our server and our class. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { buildSchema, type FormattedExecutionResult } from "graphql";
import type { Client, Context } from "graphql-ws";
import { graphqlClient, graphqlServer } from "../../docs/recipes/graphql_ws.ts";
import type { WebSocketServer } from "../../mod.ts";
import { WebSocket } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { next } from "../helpers/sockets.ts";

const schema = buildSchema(
  "type Query { hello(to: String!): String } type Subscription { count: Int never: Int }",
);
Object.assign(schema.getQueryType()!.getFields().hello!, {
  resolve: (_: unknown, { to }: { to: string }) => `hello ${to}`,
});
Object.assign(schema.getSubscriptionType()!.getFields().count!, {
  async *subscribe() {
    for (let count = 1; count <= 3; count++) yield { count };
  },
});

Object.assign(schema.getSubscriptionType()!.getFields().never!, {
  // Waits for something that never comes.
  subscribe: () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: () => Promise.resolve({ done: true, value: undefined }),
    }),
  }),
});

/** How long a client may take to greet, in ms. */
const GREETING_MS = 200;

async function run(use: (url: string, server: WebSocketServer) => Promise<void>): Promise<void> {
  const onConnect = ({ connectionParams }: Context) => connectionParams?.token !== "wrong";
  const server = graphqlServer(schema, { onConnect, connectionInitWaitTimeout: GREETING_MS });
  await server.start({ serverPort: 0, serverIP: "127.0.0.1", protocol: "graphql-transport-ws" });
  try {
    await use(`ws://127.0.0.1:${server.address!.port}/`, server);
  } finally {
    await server.stop();
    // The library leaves the timer that waits for a greeting where a connection ended before it.
    await new Promise((resolve) => setTimeout(resolve, GREETING_MS + 20));
  }
}

/** All results of an operation. */
async function results(client: Client, query: string): Promise<FormattedExecutionResult[]> {
  const all: FormattedExecutionResult[] = [];
  for await (const { data } of client.iterate({ query })) all.push({ data: data ?? null });
  return all;
}

describe("graphql-ws", () => {
  it("answers queries and subscriptions", async () => {
    await run(async (url) => {
      const client = graphqlClient(url);
      const [hello] = await within(results(client, '{ hello(to: "you") }'));
      assertEquals(hello!.data?.hello, "hello you");
      const counts = await within(results(client, "subscription { count }"));
      assertEquals(counts.map(({ data }) => data?.count), [1, 2, 3]);
      await client.dispose();
    });
  });

  for (
    const [code, what, messages] of [
      [4400, "rubbish", ["rubbish"]],
      [4400, "an unknown type", ['{"type":"unknown"}']],
      [4401, "a subscription before all else", [
        '{"type":"subscribe","id":"1","payload":{"query":"{hello}"}}',
      ]],
      [4403, "a token that is not accepted", [
        '{"type":"connection_init","payload":{"token":"wrong"}}',
      ]],
      [4429, "a second greeting", ['{"type":"connection_init"}', '{"type":"connection_init"}']],
    ] as const
  ) {
    it(`closes with ${code} for ${what}`, async () => {
      await run(async (url) => {
        const ws = new WebSocket(url, "graphql-transport-ws");
        await next(ws, "open");
        for (const message of messages) ws.send(message);
        assertEquals((await next(ws, "close")).code, code);
      });
    });
  }

  it("closes with 4408 where no greeting comes", async () => {
    await run(async (url) => {
      const ws = new WebSocket(url, "graphql-transport-ws");
      assertEquals((await next(ws, "close")).code, 4408);
    });
  });

  it("closes with 4409 for an operation that is there already", async () => {
    await run(async (url) => {
      const ws = new WebSocket(url, "graphql-transport-ws");
      await next(ws, "open");
      ws.send('{"type":"connection_init"}');
      await next(ws, "message");
      const payload = { query: "subscription { never }" };
      const subscribe = JSON.stringify({ type: "subscribe", id: "1", payload });
      ws.send(subscribe);
      ws.send(subscribe);
      assertEquals((await next(ws, "close")).code, 4409);
    });
  });
});
