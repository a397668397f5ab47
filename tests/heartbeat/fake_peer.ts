import { Heartbeat, type HeartbeatOptions } from "../../heartbeat.ts";
import { FakeClock } from "../../testing.ts";

/** A peer that notes what is done to it, and when. */
export class FakePeer {
  readonly log: string[] = [];
  readonly #clock: FakeClock;
  readonly #began: number;
  /** What the peer does about a Ping. */
  onPing = () => {};
  answered?: (roundTrip: number) => void;

  constructor(clock: FakeClock) {
    this.#clock = clock;
    this.#began = clock.now();
  }

  ping() {
    this.log.push(`ping ${this.#seconds()}`);
    this.onPing();
  }

  dead() {
    this.log.push(`dead ${this.#seconds()}`);
  }

  /** When it was pronounced dead, in seconds. */
  get died(): number {
    return Number(this.log.find((line) => line.startsWith("dead"))?.slice(5));
  }

  #seconds(): number {
    return Math.round(this.#clock.now() - this.#began) / 1000;
  }
}

/** A heartbeat with one peer, on a clock that stands. */
export function setUp(options?: HeartbeatOptions) {
  const clock = new FakeClock();
  const heartbeat = new Heartbeat(options, clock);
  const peer = new FakePeer(clock);
  heartbeat.add(peer);
  return { clock, heartbeat, peer };
}
