/** What can happen to an open connection, and how each side is to tell of it. */

import type { WebSocketConnection } from "../../mod.ts";
import { HERE } from "../helpers/programs.ts";
import { CLOSE, closePayload, frame, PING, TEXT } from "../peers/raw.ts";
import type { Ending, Pair } from "./pair.ts";
import { after, type Link, swallow } from "./proxy.ts";

/** One thing that happens to a connection that is open and quiet. */
export interface Fault {
  name: string;
  /** Makes it happen. */
  strike(link: Link, pair: Pair, connection: WebSocketConnection): void;
  /** How the client tells of the end. */
  client: Ending;
  /** How the server does. */
  server: Ending;
  /** Whether some side can notice by its heartbeat only. */
  silent?: boolean;
}

/** What a side closes with. */
export const BYE = { code: 4001, reason: "bye" };

/** What a second Close frame says that must not be heard. */
const OTHER = closePayload(4002, "no, this");

/** No frame: every reserved bit is set. */
export const GARBAGE: Uint8Array = Uint8Array.from({ length: 64 }, (_, i) => 255 - i);

/** How long a Close frame with BYE is: of the server's, and of the client's, which is masked. */
const CLOSE_LENGTH = { down: 7, up: 11 };

/** How many bytes of it go through where it is cut. */
const CUT = 3;

/** Both sides send every 10 ms, each until it tells the end. */
function load({ ws, watched: { server } }: Pair, connection: WebSocketConnection): void {
  const client = setInterval(() => void ws.send("tick"), 10);
  const end = () => {
    clearInterval(client);
    ws.off("close", end);
  };
  ws.on("close", end);
  const serving = setInterval(() => void server.send("tock", connection), 10);
  server.on("close", () => clearInterval(serving));
}

function serverCloses(pair: Pair, connection: WebSocketConnection): void {
  void pair.watched.server.close(connection, BYE);
}

function clientCloses(pair: Pair): void {
  void pair.ws.close(BYE);
}

/** A peer that breaks the protocol is told so by Bun, with 1002; Deno says nothing. */
function accused(reason: string): Ending {
  return HERE === "bun" ? { code: 1002, reason } : "lost";
}

const quiet: Fault[] = [
  {
    name: "resets both sides",
    strike: (link) => link.reset(),
    client: "lost",
    server: "lost",
  },
  {
    name: "ends both sides without a Close frame",
    strike: (link) => link.end(),
    client: "lost",
    server: "lost",
  },
  {
    name: "resets the client's side, and the server's hangs",
    strike: (link) => link.resetClient(),
    client: "lost",
    server: "lost",
    silent: true,
  },
  {
    name: "resets the server's side, and the client's hangs",
    strike: (link) => link.resetServer(),
    client: "lost",
    server: "lost",
    silent: true,
  },
  {
    name: "ends the client's side, and the server's hangs",
    strike: (link) => link.endClient(),
    client: "lost",
    server: "lost",
    silent: true,
  },
  {
    name: "ends the server's side, and the client's hangs",
    strike: (link) => link.endServer(),
    client: "lost",
    server: "lost",
    silent: true,
  },
];

const holes: Fault[] = [
  { name: "both ways", strike: (link: Link) => link.swallow() },
  { name: "to the server", strike: (link: Link) => link.up.way = swallow },
  { name: "to the client", strike: (link: Link) => link.down.way = swallow },
].flatMap(({ name, strike }): Fault[] => {
  const lost = { client: "lost", server: "lost", silent: true } as const;
  return [
    { name: `swallows everything ${name}`, strike, ...lost },
    {
      name: `swallows everything ${name} while both sides send`,
      strike: (link, pair, connection) => {
        load(pair, connection);
        strike(link);
      },
      ...lost,
    },
  ];
});

const garbage: Fault[] = [
  {
    name: "sends garbage to the client",
    strike: (link) => link.down.write(GARBAGE),
    client: "lost",
    server: accused(""),
  },
  {
    name: "sends garbage to the client, within a message",
    strike: (link) => {
      link.down.write(frame(TEXT, "half", { fin: false }));
      link.down.write(GARBAGE);
    },
    client: "lost",
    server: accused(""),
  },
  {
    name: "sends garbage to the server",
    strike: (link) => link.up.write(GARBAGE),
    client: accused("Received unexpected RSV1 bit"),
    server: "lost",
  },
];

const cutCloses: Fault[] = [
  { name: "ends both sides", then: (link: Link) => link.end(), silent: false },
  { name: "resets both sides", then: (link: Link) => link.reset(), silent: false },
  { name: "swallows everything", then: (link: Link) => link.swallow(), silent: true },
].map(({ name, then, silent }): Fault => ({
  name: `cuts the server's Close frame and ${name}`,
  strike: (link, pair, connection) => {
    link.down.way = after(CUT, then);
    serverCloses(pair, connection);
  },
  client: "lost",
  server: BYE,
  silent,
}));

/** Where it swallows everything the client waits 5 s for an answer: a test of its own. */
const cutClientCloses: Fault[] = [
  { name: "ends both sides", then: (link: Link) => link.end() },
  { name: "resets both sides", then: (link: Link) => link.reset() },
].map(({ name, then }): Fault => ({
  name: `cuts the client's Close frame and ${name}`,
  strike: (link, pair) => {
    link.up.way = after(CUT, then);
    clientCloses(pair);
  },
  client: BYE,
  server: "lost",
}));

const afterClose: Fault[] = [
  {
    name: "another Close frame",
    down: frame(CLOSE, OTHER),
    up: frame(CLOSE, OTHER, { mask: true }),
  },
  { name: "garbage", down: GARBAGE, up: GARBAGE },
  { name: "a message", down: frame(TEXT, "late"), up: frame(TEXT, "late", { mask: true }) },
  { name: "a Ping", down: frame(PING, "late"), up: frame(PING, "late", { mask: true }) },
].flatMap(({ name, down, up }): Fault[] => [
  {
    name: `sends ${name} after the server's Close frame`,
    strike: (link, pair, connection) => {
      link.down.way = after(CLOSE_LENGTH.down, ({ down: flow }) => flow.write(down));
      serverCloses(pair, connection);
    },
    client: BYE,
    server: BYE,
  },
  {
    name: `sends ${name} after the client's Close frame`,
    strike: (link, pair) => {
      link.up.way = after(CLOSE_LENGTH.up, ({ up: flow }) => flow.write(up));
      clientCloses(pair);
    },
    client: BYE,
    server: BYE,
  },
]);

/** All of them. */
export const FAULTS: readonly Fault[] = [
  ...quiet,
  ...holes,
  ...garbage,
  ...cutCloses,
  ...cutClientCloses,
  ...afterClose,
];
