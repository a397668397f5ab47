/** What is heard, as it is heard: books it, and looks whether it may be heard now. */

import type {
  BusinessError,
  CloseResult,
  WebSocketConnection,
  WebSocketMessage,
} from "../../mod.ts";
import {
  type Attempt,
  type Client,
  deadBy,
  type Message,
  type State,
} from "./expected_connections.ts";
import type { World } from "./expected_server.ts";
import { type Beat, type ClientEvent, LATENCY, type ServerEvent } from "./program.ts";

const DEFAULT_BEAT: Beat = { pingInterval: 30, pongTimeout: 30 };

/** A message in one word. */
export function keyOf(data: unknown): string {
  if (typeof data === "string") return `text ${data}`;
  return data instanceof ArrayBuffer ? `bytes ${new Uint8Array(data)}` : `wrong ${data}`;
}

/** An event of a client's. */
export function hear(world: World, client: Client, event: ClientEvent, args: unknown[]): void {
  const { attempt, state } = client;
  const at = world.now();
  const wrong = () => world.fault(`'${event}' ${JSON.stringify(args)} is told while ${state}`);
  const error = (event === "error" ? args[0] : undefined) as BusinessError | undefined;
  if (event !== "error" && event !== "dataEnd" && args[0] !== undefined) wrong();
  if (error !== undefined && tellsFailure(world, error)) return;
  if (error !== undefined && isStray(client, error)) return;
  if (attempt === undefined) return wrong();
  switch (event) {
    case "open":
      if (state !== "connecting") wrong();
      client.state = "open";
      attempt.opened = at;
      if (attempt.protocol !== attempt.spoken || client.ws.protocol !== attempt.spoken) wrong();
      attempt.events.push({ event, at });
      break;
    case "openInfo":
      if (state !== "open" && state !== "closing") wrong();
      attempt.events.push({ event, at });
      break;
    case "message":
      if (state !== "open") wrong();
      attempt.events.push({ event, at });
      arrived(world, attempt.down, args[1]);
      break;
    case "dataEnd":
      attempt.events.push({ event, at });
      break;
    case "error":
      if (error!.code !== 200) wrong();
      if (state === "connecting") end(client, "error");
      else if (state === "open") {
        lookAtDeadlines(world, attempt, state);
        client.state = "closing";
        attempt.lost = at;
      } else wrong();
      attempt.events.push({
        event,
        at,
        data: String(error!.data),
        why: String((error!.cause as Error | undefined)?.message),
      });
      break;
    case "close": {
      const { code, reason } = args[1] as CloseResult;
      if (state !== "closing" && state !== "open") wrong();
      lookAtDeadlines(world, attempt, state);
      end(client, "close");
      attempt.events.push({ event, at, code, reason });
    }
  }
  if (client.ws.state !== client.state) {
    world.fault(`within '${event}' the client is ${client.ws.state}, not ${client.state}`);
  }

  function end(client: Client, event: "error" | "close"): void {
    client.state = "idle";
    if (attempt!.end !== undefined) wrong();
    attempt!.end = { event, at };
  }
}

/** An event of the server's. */
export function hearServer(world: World, event: ServerEvent, [first, second]: unknown[]): void {
  const at = world.now();
  const wrong = (why: string) => world.fault(`the server's '${event}': ${why}`);
  if (event === "error") {
    const error = first as BusinessError;
    if (tellsFailure(world, error)) return;
    const [, key, status] = / (\S+) (?:was refused with (\d+))?/.exec(
      error.message.replace("Websocket connect failed:", ""),
    ) ?? [];
    const attempt = world.attempts.findLast((attempt) => attempt.key === key);
    if (error.code !== 200 || attempt === undefined) return wrong(error.message);
    if (status !== undefined) return refused(world, attempt, status, error.data);
    const { peer } = attempt;
    if (peer?.state !== "open") return wrong(`${key} is lost while ${peer?.state}`);
    lookAtDeadlines(world, attempt, "idle");
    peer.error = at;
    peer.state = "closing";
    return;
  }
  const connection =
    (event === "messageReceive"
      ? (first as WebSocketMessage).clientConnection
      : first) as WebSocketConnection;
  const attempt = world.attempts.findLast(({ key }) => key === String(connection));
  if (attempt === undefined) return wrong(`${connection} is nobody`);
  if (event === "connect") return connected(world, attempt, connection);
  const { peer } = attempt;
  if (peer?.connection !== connection) return wrong(`${connection} is another object`);
  if (event === "messageReceive") {
    if (peer.state !== "open") wrong(`a message while ${peer.state}`);
    return arrived(world, attempt.up, (first as WebSocketMessage).data);
  }
  if (peer.close !== undefined) wrong(`${connection} for the second time`);
  peer.close = { ...(second as CloseResult), at };
  peer.state = "gone";
  world.peers.splice(world.peers.indexOf(attempt), 1);
  lookAtTable(world);
}

function connected(world: World, attempt: Attempt, connection: WebSocketConnection): void {
  const { key, verdict } = attempt;
  const wrong = (why: string) => world.fault(`'connect' of ${key}: ${why}`);
  if (world.serverState !== "running") wrong(`while ${world.serverState}`);
  if (attempt.peer !== undefined) wrong("for the second time");
  if (verdict !== "welcome") wrong(`though the policy says ${verdict}`);
  if (!Object.isFrozen(connection)) wrong("not frozen");
  attempt.peer = {
    connection,
    state: "open",
    at: world.now(),
    beat: world.spec.beat ?? DEFAULT_BEAT,
  };
  world.peers.push(attempt);
  const { perClient, clients } = world.spec;
  const ips = world.peers.map(({ client }) => world.clients[client]!.ip);
  const same = ips.filter((ip) => ip === connection.clientIP).length;
  if (perClient > 0 && same > perClient) wrong(`${same} of one client`);
  if (clients > 0 && new Set(ips).size > clients) wrong(`${new Set(ips).size} clients`);
  lookAtTable(world);
}

function refused(world: World, attempt: Attempt, status: string, data: unknown): void {
  const { spec } = world;
  const ipOf = ({ client }: Attempt) => world.clients[client]!.ip;
  // Those who are let in and not open yet are there, too.
  const asking = world.attempts.filter(({ verdict, peer, decided = 0 }) =>
    verdict === "pending" ||
    (verdict === "welcome" && peer === undefined && world.now() - decided < LATENCY)
  );
  const there = [...world.peers, ...asking].filter((other) => other !== attempt).map(ipOf);
  const same = there.filter((ip) => ip === ipOf(attempt)).length;
  const excused = {
    "400": spec.protocol !== "" && attempt.protocol !== spec.protocol,
    "403": attempt.verdict === "refuse",
    "429": spec.perClient > 0 && same >= spec.perClient,
    "503": world.serverState === "stopping" ||
      (spec.clients > 0 && new Set(there).size >= spec.clients),
  }[status];
  if (!excused || data !== status || attempt.peer !== undefined || attempt.refused !== undefined) {
    world.fault(`${attempt.key} is refused with ${status}, data ${data}`);
  }
  attempt.refused = { status, at: world.now() };
}

/** A message: each is the next of those sent. */
function arrived(
  world: World,
  { sent, got }: { sent: Message[]; got: Message[] },
  data: unknown,
): void {
  const key = keyOf(data);
  const next = sent[got.length]?.data;
  if (key !== next) world.fault(`the message "${key}" comes in, not "${next}"`);
  got.push({ data: key, at: world.now() });
}

/** A listener's failure: told once, with what it threw. */
function tellsFailure(world: World, { code, cause }: BusinessError): boolean {
  if (code !== 2302999) return false;
  const known = world.thrown.get(cause);
  if (known !== "must" && known !== "may") world.fault(`an 'error' of ${cause} is told: ${known}`);
  world.thrown.set(cause, "told");
  return true;
}

/** The 'error' of a URL with no host, which belongs to no attempt. */
function isStray(client: Client, { code, cause, data }: BusinessError): boolean {
  if (client.strays === 0 || (cause as Error).message !== "the URL has no host") return false;
  client.strays--;
  return code === 200 && data === "0";
}

/** Whether something should have ended by now. */
export function lookAtDeadlines(world: World, attempt: Attempt, state: State): void {
  const now = world.now();
  const { at, timeout, faulty, verdict, decided = 0, asked, beat, held, peer, cutAt } = attempt;
  const late = (what: string) => world.fault(`${what}, attempt ${world.attempts.indexOf(attempt)}`);
  const lastOf = (messages: Message[]) => messages.at(-1)?.at ?? 0;
  if (state === "connecting") {
    if (now > at + timeout) late("connects too long");
    const decision = Math.max(at + 2 * LATENCY, decided + LATENCY);
    if (!faulty && verdict !== "pending" && now > decision) late("connects though all is well");
  }
  if (state === "closing" && asked !== undefined) {
    if (now > asked.at + 5000) late("closes too long");
    if (!faulty && now > asked.at + 2 * LATENCY) late("closes too long though all is well");
  }
  if (state === "open") {
    const since = held.toClient ??
      (held.toServer === undefined ? undefined : Math.max(held.toServer, lastOf(attempt.down.got)));
    const dead = since === undefined ? Infinity : Math.max(since, attempt.opened!);
    if (now > deadBy(beat, dead)) late("the client takes a dead server for alive");
  }
  if (state !== "idle" && cutAt !== undefined && now > cutAt + LATENCY) late("does not see a cut");
  if (peer?.state === "open") {
    const since = held.toServer ??
      (held.toClient === undefined ? undefined : Math.max(held.toClient, lastOf(attempt.up.got)));
    const dead = since === undefined ? Infinity : Math.max(since, peer.at);
    if (now > deadBy(peer.beat, dead)) late("the server takes a dead client for alive");
    if (cutAt !== undefined && now > cutAt + LATENCY) late("the server does not see a cut");
  }
}

/** Whether the server's list is what it should be. */
export function lookAtTable(world: World): void {
  const listed = world.server.listAllConnections();
  const right = listed.length === world.peers.length &&
    listed.every((connection, i) => connection === world.peers[i]!.peer!.connection);
  if (!right) world.fault(`the server lists ${listed}, not ${world.peers.map(({ key }) => key)}`);
}
