/** Topics and who is in them: one message to many connections. Not part of the public API. */

import type { Observing } from "./internal/observer.ts";
import { mostBytes, type Payload } from "./internal/payload.ts";
import type { Listener } from "./runtime/mod.ts";
import type { Peer } from "./server_peer.ts";
import type { PublishResult } from "./server_types.ts";

/** Who is in one topic. */
class Room {
  /** What the runtime calls it. */
  readonly name: string;
  readonly members = new Set<Peer>();

  constructor(name: string) {
    this.name = name;
  }
}

/** What the runtime calls the room that everybody is in; topics of the user's have a name before. */
const EVERYBODY = "everybody";

/** The members' queues are looked at when this part of `maxBufferedAmount` may have gone to each. */
const MEASURE_AT = 1 / 4;

/** The rooms of a running server. One is there as long as somebody is in it. */
export class Rooms {
  readonly #listener: () => Listener;
  readonly #maxBufferedAmount: number;
  readonly #observing: Observing | undefined;
  readonly #topics = new Map<string, Room>();
  /** Which rooms a connection is in, for those that are in any. */
  readonly #of = new Map<Peer, Set<Room>>();
  #everybody: Room | undefined;
  /** Bytes the runtime was given since the queues were last looked at, at the most: to any of them. */
  #unmeasured = 0;

  constructor(
    maxBufferedAmount: number,
    observing: Observing | undefined,
    listener: () => Listener,
  ) {
    this.#maxBufferedAmount = maxBufferedAmount;
    this.#observing = observing;
    this.#listener = listener;
  }

  /** Takes in a new connection. */
  welcome(peer: Peer): void {
    if (this.#everybody !== undefined) this.#enter(peer, this.#everybody);
  }

  /** Lets go of a connection that closes or is lost. */
  forget(peer: Peer): void {
    const rooms = this.#of.get(peer);
    if (rooms === undefined) return;
    for (const room of rooms) this.#exit(peer, room);
  }

  join(peer: Peer, topic: string): void {
    let room = this.#topics.get(topic);
    if (room === undefined) this.#topics.set(topic, room = new Room(`topic:${topic}`));
    this.#enter(peer, room);
  }

  leave(peer: Peer, topic: string): void {
    const room = this.#topics.get(topic);
    if (room?.members.has(peer)) this.#exit(peer, room);
  }

  /** Sends a message to everybody in a topic. */
  publish(topic: string, data: Payload, except: ReadonlySet<Peer>): PublishResult {
    const room = this.#topics.get(topic);
    return room === undefined ? { sent: 0, tooSlow: 0 } : this.#send(room, data, except);
  }

  /** Sends a message to everybody. The first time, all are brought into a room of their own. */
  broadcast(peers: Iterable<Peer>, data: Payload, except: ReadonlySet<Peer>): PublishResult {
    if (this.#everybody === undefined) {
      this.#everybody = new Room(EVERYBODY);
      for (const peer of peers) {
        if (peer.state === "open") this.#enter(peer, this.#everybody);
      }
    }
    return this.#send(this.#everybody, data, except);
  }

  #enter(peer: Peer, room: Room): void {
    room.members.add(peer);
    const rooms = this.#of.get(peer);
    if (rooms === undefined) this.#of.set(peer, new Set([room]));
    else rooms.add(room);
    peer.join(room.name);
  }

  #exit(peer: Peer, room: Room): void {
    room.members.delete(peer);
    const rooms = this.#of.get(peer)!;
    rooms.delete(room);
    if (rooms.size === 0) this.#of.delete(peer);
    peer.leave(room.name);
    if (room.members.size === 0 && room !== this.#everybody) {
      this.#topics.delete(room.name.slice("topic:".length));
    }
  }

  #send(room: Room, data: Payload, except: ReadonlySet<Peer>): PublishResult {
    const { publish } = this.#listener();
    const excepted = Array.from(except).filter((peer) => room.members.has(peer));
    const size = room.members.size - excepted.length;
    if (publish === undefined || excepted.length > 1) return this.#sendEach(room, data, except);
    const [one] = excepted;
    if (one === undefined) publish(room.name, data);
    else one.publish(room.name, data);
    if (this.#observing?.sent !== undefined) {
      for (const peer of room.members) {
        if (!except.has(peer)) this.#observing.sent(peer.connection, data);
      }
    }
    this.#unmeasured += mostBytes(data);
    if (this.#unmeasured <= this.#maxBufferedAmount * MEASURE_AT) return { sent: size, tooSlow: 0 };
    this.#unmeasured = 0;
    let tooSlow = 0;
    for (const peer of this.#of.keys()) {
      const isMeant = room.members.has(peer) && !except.has(peer);
      peer.measure();
      if (isMeant && peer.state !== "open") tooSlow++;
    }
    return { sent: size, tooSlow };
  }

  #sendEach(room: Room, data: Payload, except: ReadonlySet<Peer>): PublishResult {
    const most = mostBytes(data);
    const result = { sent: 0, tooSlow: 0 };
    for (const peer of room.members) {
      if (except.has(peer)) continue;
      result.sent++;
      peer.send(data, most);
      if (peer.state !== "open") result.tooSlow++;
    }
    return result;
  }
}
