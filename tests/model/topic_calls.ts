/** What is asked of the server about many of its connections: topics, and messages to all. */

import type { Action } from "./program.ts";
import type { Peer } from "./records.ts";
import type { Simulation } from "./simulation.ts";

const NOBODY = { clientIP: "10.9.9.9", clientPort: 9 };

/** Brings a connection into a topic, or takes it out. */
export function joinOrLeave(
  simulation: Simulation,
  { op, nth, topic }: Action & { op: "join" | "leave" },
): void {
  const peer = simulation.peer(nth)?.peer;
  const { server } = simulation;
  const expected = peer === undefined || peer.state === "gone"
    ? 2302006
    : peer.state === "open"
    ? true
    : -1;
  const call = server[op](peer?.connection ?? NOBODY, topic);
  simulation.expect(`server.${op}() while ${peer?.state}`, expected, false, () => call);
  if (expected !== true) return;
  if (op === "join") peer!.topics.add(topic);
  else peer!.topics.delete(topic);
}

/** Brings a connection that has just come into topic "a", where the server does that. */
export function joinAtOnce({ server, spec }: Simulation, peer: Peer): void {
  if (!spec.joins) return;
  void server.join(peer.connection, "a");
  peer.topics.add("a");
}

/** Sends a message to all in a topic, or to all, but for one. */
export function publish(
  simulation: Simulation,
  { topic, data: kind, except: nth }: Action & { op: "publish" },
): void {
  const { server, serverState } = simulation;
  const except = nth === null ? undefined : simulation.peer(nth)?.peer?.connection;
  const { data, key } = simulation.message(kind);
  const meant = simulation.peers.filter(({ peer }) =>
    peer!.state === "open" && peer!.connection !== except &&
    (topic === "all" || peer!.topics.has(topic))
  );
  const isWrong = kind === "wrong" || (kind === "big" && serverState !== "stopped");
  const expected = isWrong
    ? 401
    : serverState === "stopped"
    ? 2302999
    : { sent: meant.length, tooSlow: 0 };
  const options = except === undefined ? {} : { except };
  const call = topic === "all"
    ? server.broadcast(data, options)
    : server.publish(topic, data, options);
  simulation.expect(`server.publish(${topic}) while ${serverState}`, expected, false, () => call);
  if (topic !== "all" && meant.length > 1) simulation.published++;
  if (!isWrong) {
    for (const { down } of meant) down.sent.push({ data: key, at: simulation.now() });
  }
  if (data instanceof Uint8Array) data.fill(0);
}
