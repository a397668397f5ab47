/** Records each event when it comes, and checks whether it may come now. */

import type {
  BusinessError,
  CloseResult,
  WebSocketConnection,
  WebSocketMessage,
} from "../../mod.ts";
import { type Beat, type ClientEvent, LATENCY, type ServerEvent } from "./program.ts";
import { type Attempt, type Client, deadBy, type Message, type State } from "./records.ts";
import type { Simulation } from "./simulation.ts";
import { joinAtOnce } from "./topic_calls.ts";

const DEFAULT_BEAT: Beat = { pingInterval: 30, pongTimeout: 30 };

/** The default of `authorizeTimeout`, in ms. */
const AUTHORIZE_MS = 10_000;

/** A message in one word. */
export function keyOf(data: unknown): string {
  if (typeof data === "string") return `text ${data}`;
  return data instanceof ArrayBuffer ? `bytes ${new Uint8Array(data)}` : `wrong ${data}`;
}

/** An event of a client's. */
export function hear(
  simulation: Simulation,
  client: Client,
  event: ClientEvent,
  args: unknown[],
): void {
  const { attempt, state } = client;
  const at = simulation.now();
  const wrong = () => simulation.fault(`'${event}' ${JSON.stringify(args)} is told while ${state}`);
  const error = (event === "error" ? args[0] : undefined) as BusinessError | undefined;
  if (event !== "error" && event !== "dataEnd" && args[0] !== undefined) wrong();
  if (error !== undefined && tellsFailure(simulation, error)) return;
  if (error !== undefined && isStray(client, error)) return;
  if (attempt === undefined) return wrong();
  if (error?.kind === "unsent") {
    if (state !== "closing" || !attempt.asked?.queued) wrong();
    return;
  }
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
      arrived(simulation, attempt.down, args[1]);
      break;
    case "dataEnd":
      attempt.events.push({ event, at });
      break;
    case "error":
      if (error!.code !== 200) wrong();
      if (state === "connecting") end(client, "error");
      else if (state === "open") {
        lookAtDeadlines(simulation, attempt, state);
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
      lookAtDeadlines(simulation, attempt, state);
      end(client, "close");
      attempt.events.push({ event, at, code, reason });
    }
  }
  if (client.ws.state !== client.state) {
    simulation.fault(`within '${event}' the client is ${client.ws.state}, not ${client.state}`);
  }

  function end(client: Client, event: "error" | "close"): void {
    client.state = "idle";
    if (attempt!.end !== undefined) wrong();
    attempt!.end = { event, at };
  }
}

/** An event of the server's. */
export function hearServer(
  simulation: Simulation,
  event: ServerEvent,
  [first, second]: unknown[],
): void {
  const at = simulation.now();
  const wrong = (why: string) => simulation.fault(`the server's '${event}': ${why}`);
  if (event === "error") {
    const error = first as BusinessError;
    if (error.kind === "noSubprotocol") return hinted(simulation, error);
    if (error.kind === "unsent") return cutOff(simulation, error);
    if (tellsFailure(simulation, error)) return;
    const [, key, status] = / (\S+) (?:was refused with (\d+))?/.exec(
      error.message.replace("Websocket connect failed:", ""),
    ) ?? [];
    const attempt = simulation.attempts.findLast((attempt) => attempt.key === key);
    if (error.code !== 200 || attempt === undefined) return wrong(error.message);
    if (status !== undefined) return refused(simulation, attempt, status, error.data);
    const { peer } = attempt;
    if (peer?.state !== "open") return wrong(`${key} is lost while ${peer?.state}`);
    lookAtDeadlines(simulation, attempt, "idle");
    peer.error = at;
    peer.state = "closing";
    return;
  }
  const connection =
    (event === "messageReceive"
      ? (first as WebSocketMessage).clientConnection
      : first) as WebSocketConnection;
  const attempt = simulation.attempts.findLast(({ key }) => key === String(connection));
  if (attempt === undefined) return wrong(`${connection} is nobody`);
  if (event === "connect") return connected(simulation, attempt, connection);
  const { peer } = attempt;
  if (peer?.connection !== connection) return wrong(`${connection} is another object`);
  if (event === "messageReceive") {
    if (peer.state !== "open") wrong(`a message while ${peer.state}`);
    return arrived(simulation, attempt.up, (first as WebSocketMessage).data);
  }
  if (peer.close !== undefined) wrong(`${connection} for the second time`);
  peer.close = { ...(second as CloseResult), at };
  peer.state = "gone";
  simulation.peers.splice(simulation.peers.indexOf(attempt), 1);
  lookAtTable(simulation);
}

function connected(
  simulation: Simulation,
  attempt: Attempt,
  connection: WebSocketConnection,
): void {
  const { key, verdict } = attempt;
  const wrong = (why: string) => simulation.fault(`'connect' of ${key}: ${why}`);
  if (simulation.serverState !== "running") wrong(`while ${simulation.serverState}`);
  if (attempt.peer !== undefined) wrong("for the second time");
  if (verdict !== "welcome") wrong(`though the policy says ${verdict}`);
  if (!Object.isFrozen(connection)) wrong("not frozen");
  attempt.peer = {
    connection,
    state: "open",
    topics: new Set(),
    at: simulation.now(),
    beat: simulation.spec.beat ?? DEFAULT_BEAT,
  };
  simulation.peers.push(attempt);
  joinAtOnce(simulation, attempt.peer);
  const { perClient, clients } = simulation.spec;
  const ips = simulation.peers.map(({ client }) => simulation.clients[client]!.ip);
  const same = ips.filter((ip) => ip === connection.clientIP).length;
  if (perClient > 0 && same > perClient) wrong(`${same} of one client`);
  if (clients > 0 && new Set(ips).size > clients) wrong(`${new Set(ips).size} clients`);
  lookAtTable(simulation);
}

function refused(simulation: Simulation, attempt: Attempt, status: string, data: unknown): void {
  const { spec } = simulation;
  const ipOf = ({ client }: Attempt) => simulation.clients[client]!.ip;
  // Those who are let in and not open yet are there, too.
  const asking = simulation.attempts.filter(({ verdict, peer, refused, decided = 0 }) =>
    (verdict === "pending" && refused === undefined) ||
    (verdict === "welcome" && peer === undefined && simulation.now() - decided < LATENCY)
  );
  const there = [...simulation.peers, ...asking].filter((other) => other !== attempt).map(ipOf);
  const same = there.filter((ip) => ip === ipOf(attempt)).length;
  const excused = {
    "400": spec.protocol !== "" && attempt.protocol !== spec.protocol,
    "403": attempt.verdict === "refuse",
    "429": spec.perClient > 0 && same >= spec.perClient,
    "503": simulation.serverState === "stopping" || tookTooLong(simulation, attempt) ||
      (spec.clients > 0 && new Set(there).size >= spec.clients),
  }[status];
  if (!excused || data !== status || attempt.peer !== undefined || attempt.refused !== undefined) {
    simulation.fault(`${attempt.key} is refused with ${status}, data ${data}`);
  }
  attempt.refused = { status, at: simulation.now() };
}

/** Whether the policy has not answered within `authorizeTimeout`. */
function tookTooLong(simulation: Simulation, { verdict, askedAt = Infinity }: Attempt): boolean {
  return verdict === "pending" && simulation.now() >= askedAt + AUTHORIZE_MS;
}

/** What the server sent is cut off: where something befell the link, and the server has closed. */
function cutOff(simulation: Simulation, { message }: BusinessError): void {
  const key = / queued to (\S+) could/.exec(message)?.[1];
  const attempt = simulation.attempts.findLast((attempt) => attempt.key === key);
  if (!attempt?.faulty || attempt.peer?.asked === undefined) simulation.fault(message);
}

/** A client offers subprotocols and the server has none: told once in a run. */
function hinted(simulation: Simulation, { message }: BusinessError): void {
  const { attempts, runs, spec } = simulation;
  const run = runs.at(-1)!;
  const offers = attempts.some(({ protocol }) => protocol !== "");
  if (run.hinted || spec.protocol !== "" || !offers) simulation.fault(`a hint: ${message}`);
  run.hinted = true;
}

/** A message: each is the next of those sent. */
function arrived(
  simulation: Simulation,
  { sent, got }: { sent: Message[]; got: Message[] },
  data: unknown,
): void {
  const key = keyOf(data);
  const next = sent[got.length]?.data;
  if (key !== next) simulation.fault(`the message "${key}" comes in, not "${next}"`);
  got.push({ data: key, at: simulation.now() });
}

/** A listener's failure: told once, with what it threw. */
function tellsFailure(simulation: Simulation, { code, kind, cause }: BusinessError): boolean {
  if (code !== 2302999 || kind === "unsent") return false;
  const known = simulation.thrown.get(cause);
  if (known !== "must" && known !== "may") {
    simulation.fault(`an 'error' of ${cause} is told: ${known}`);
  }
  simulation.thrown.set(cause, "told");
  return true;
}

/** The 'error' of a URL with no host, which belongs to no attempt. */
function isStray(client: Client, { code, cause, data }: BusinessError): boolean {
  if (client.strays === 0 || (cause as Error).message !== "the URL has no host") return false;
  client.strays--;
  return code === 200 && data === "0";
}

/** Whether something should have ended by now. */
export function lookAtDeadlines(simulation: Simulation, attempt: Attempt, state: State): void {
  const now = simulation.now();
  const { at, timeout, faulty, verdict, decided = 0, asked, beat, held, peer, cutAt } = attempt;
  const late = (what: string) =>
    simulation.fault(`${what}, attempt ${simulation.attempts.indexOf(attempt)}`);
  const lastOf = (messages: Message[]) => messages.at(-1)?.at ?? 0;
  if (state === "connecting") {
    if (now > at + timeout) late("connects too long");
    const decision = Math.max(at + 2 * LATENCY, decided + LATENCY);
    if (!faulty && verdict !== "pending" && now > decision) late("connects though all is well");
  }
  if (state === "closing" && asked !== undefined) {
    // The five seconds begin anew when all that was queued is taken, which is looked at each 250 ms.
    const most = asked.queued ? 10_250 : 5000;
    if (now > asked.at + most) late("closes too long");
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
export function lookAtTable(simulation: Simulation): void {
  const listed = simulation.server.listAllConnections();
  const right = listed.length === simulation.peers.length &&
    listed.every((connection, i) => connection === simulation.peers[i]!.peer!.connection);
  if (!right) {
    simulation.fault(`the server lists ${listed}, not ${simulation.peers.map(({ key }) => key)}`);
  }
}
