/** The option `schema` with validators of others. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { z } from "zod";
import {
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  type StandardSchema,
} from "../../mod.ts";
import { within } from "../helpers/client.ts";
import { schemaOf } from "../helpers/schemas.ts";

/** A move in a game, as it is told. */
interface Move {
  player: string;
  at: Date;
  steps: number;
}

/** The same schema in both: it leaves out what it does not know, fills in a default and makes a date. */
const zod = z.object({
  player: z.string().min(1),
  at: z.string().transform((text) => new Date(text)),
  steps: z.number().int().default(1),
});
const valibot = v.object({
  player: v.pipe(v.string(), v.minLength(1)),
  at: v.pipe(v.string(), v.transform((text) => new Date(text))),
  steps: v.optional(v.pipe(v.number(), v.integer()), 1),
});

// Both fit with no cast, and with what they make.
const LIBRARIES: [name: string, schema: StandardSchema<Move>, late: StandardSchema][] = [
  ["zod", zod, z.string().refine(() => Promise.resolve(true))],
  ["valibot", valibot, v.pipeAsync(v.string(), v.checkAsync(() => Promise.resolve(true)))],
];

const SENT = JSON.stringify({ player: "Ada", at: "2026-01-02T03:04:05Z", secret: 1 });
const MOVE: Move = { player: "Ada", at: new Date("2026-01-02T03:04:05Z"), steps: 1 };

/** A server and a client that both expect something, and what they tell. */
async function talk(
  schema: StandardSchema,
  task: (toServer: (text: string) => void, toClient: (text: string) => void) => void,
  ends: number,
): Promise<{ server: unknown[]; client: unknown[] }> {
  const log = { server: [] as unknown[], client: [] as unknown[] };
  await using server = createWebSocketServer<undefined, unknown>({ schema });
  const ws = createWebSocket({ schema });
  const told = Promise.withResolvers<void>();
  const note = (side: "server" | "client", what: unknown) => {
    log[side].push(what);
    if (log.server.length + log.client.length === ends) told.resolve();
  };
  server.on("messageReceive", ({ data }) => note("server", data));
  server.on("error", (error) => note("server", error));
  ws.on("message", (_, data) => note("client", data));
  ws.on("error", (error) => note("client", error));
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
  await within(ws.opened);
  const [connection] = server.listAllConnections();
  task((text) => void ws.send(text), (text) => void server.send(text, connection!));
  await within(told.promise);
  await within(ws[Symbol.asyncDispose]());
  return log;
}

for (const [name, schema, late] of LIBRARIES) {
  describe(`a schema of ${name}`, () => {
    it("tells both sides what it makes of messages", async () => {
      const both = (toServer: (text: string) => void, toClient: (text: string) => void) => {
        toServer(SENT);
        toClient(SENT);
      };
      assertEquals(await talk(schema, both, 2), { server: [MOVE], client: [MOVE] });
    });

    for (const side of ["server", "client"] as const) {
      it(`has its issues as the innermost cause of the ${side}'s 'error'`, async () => {
        const message = `{"player":"","steps":1.5}`;
        const log = await talk(schema, (toServer, toClient) => {
          if (side === "server") toServer(message);
          else toClient(message);
        }, 1);
        const error = log[side][0] as BusinessError;
        const issues = (error.cause as Error).cause as { message: string; path?: unknown }[];
        assertEquals([error.code, issues.length], [200, 3]);
        for (const { message } of issues) assert(error.message.includes(message));
        const paths = issues.map(({ path }) =>
          (path as unknown[]).map((part) => (part as { key: string }).key ?? part).join(".")
        );
        assertEquals(paths.sort(), ["at", "player", "steps"]);
      });
    }

    it("is refused with 1011 where it answers with a promise", async () => {
      const log = await talk(late, (toServer) => toServer(`"x"`), 1);
      const error = log.server[0];
      assertInstanceOf(error, Error);
      assert(error.message.endsWith("the validator answers with a promise"), error.message);
    });
  });
}

/** Never run: what its types must let pass, and what not. */
export async function types(): Promise<void> {
  const ws = createWebSocket({ schema: zod });
  ws.on("message", (_, move) => move.at.getTime() + move.steps);
  ws.once("message", (_, move: Move) => move.player);
  for await (const { player } of ws) player.toUpperCase();
  // @ts-expect-error: a message is no text any more
  ws.on("message", (_, data: string) => data.length);
  // @ts-expect-error: a move has no such property
  ws.on("message", (_, move) => move.secret);
  // @ts-expect-error: nor has one that is read in a loop
  for await (const { secret } of ws) secret;
  // @ts-expect-error: what is sent is still text or bytes
  void ws.send({ player: "Ada" });

  const server = createWebSocketServer({ schema: valibot, stats: true });
  server.on(
    "messageReceive",
    ({ data, clientConnection }) => [data.steps, clientConnection.clientIP],
  );
  // @ts-expect-error: a message is no text any more
  server.on("messageReceive", ({ data }) => data.toUpperCase());
  // @ts-expect-error: it is a date
  server.on("messageReceive", ({ data: { at } }: { data: { at: string } }) => at);

  // With a context of `authorize`'s both types are given.
  const game = createWebSocketServer<{ user: string }, Move>({ schema: valibot });
  game.on(
    "messageReceive",
    ({ data, clientConnection }) => data.player + clientConnection.context.user,
  );
  // @ts-expect-error: a server of moves takes no schema of numbers
  createWebSocketServer<undefined, Move>({ schema: z.number() });
  // @ts-expect-error: a client of text takes no schema of moves
  createWebSocket<string>({ schema: zod });
  // @ts-expect-error: a function is no schema
  createWebSocket({ schema: JSON.parse });
  // @ts-expect-error: nor is a schema of another version
  createWebSocket({ schema: { "~standard": { ...zod["~standard"], version: 2 } } });
  createWebSocket({ schema: schemaOf(() => ({ value: 1 })) }).on("message", (_, n) => n.toFixed());

  // With no schema nothing has changed.
  createWebSocket().on("message", (_, data: string | ArrayBuffer) => data);
  createWebSocket({ stats: true }).on("message", (_, data: string | ArrayBuffer) => data);
  // @ts-expect-error: a message may be bytes, too
  createWebSocket().on("message", (_, data) => data.toUpperCase());
}
