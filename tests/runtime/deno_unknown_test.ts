/**
 * Denos that are almost as the module knows Deno: it uses all of their internals, or none, and is loaded whatever
 * they lack. What it does without them: `deno_fallback_test.ts`.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { INTERNAL } from "../../runtime/deno/internal_names.ts";

type Fields = Record<PropertyKey, unknown>;

const named = (name: keyof typeof INTERNAL) => Symbol(INTERNAL[name]);

const INTERNALS = Symbol("internals");
const NAMES = {
  handleIdle: named("handleIdle"),
  idleTime: named("idleTime"),
  rid: named("rid"),
  role: named("role"),
  readyState: named("readyState"),
};

/** A method of the right words, which are never run. */
const arm = () => "ping frame";

/** A Deno as it is known, and a WebSocket of it. */
function known() {
  const closed: unknown[] = [];
  const prototype: Fields = { [NAMES.handleIdle]: arm };
  const socket: Fields = Object.assign(Object.create(prototype), {
    ...{ readyState: 0, OPEN: 1, [NAMES.readyState]: 0 },
    ...{ [NAMES.idleTime]: 0, [NAMES.rid]: undefined, [NAMES.role]: 0 },
  });
  const core: Fields = { tryClose: (rid: unknown) => closed.push(rid) };
  const asked: Request[] = [];
  const deno: Fields = {
    internal: INTERNALS,
    [INTERNALS]: { core },
    upgradeWebSocket: (request: Request) => (asked.push(request), { socket }),
  };
  return { deno, prototype, socket, core, closed, asked };
}

let number = 0;

/** What the module makes of it. */
async function load(
  { deno, prototype }: { deno: unknown; prototype: object },
  request: unknown = Request,
) {
  const place = globalThis as unknown as Fields;
  const before = ["Deno", "WebSocket", "Request"].map((name) =>
    [name, Object.getOwnPropertyDescriptor(place, name)] as const
  );
  const name: string = `../../runtime/deno/internals.ts?${number++}`;
  try {
    const values = { Deno: deno, WebSocket: { prototype }, Request: request };
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(place, name, { value, configurable: true });
    }
    return await import(name) as typeof import("../../runtime/deno/internals.ts");
  } finally {
    for (const [name, was] of before) {
      if (was === undefined) delete place[name];
      else Object.defineProperty(place, name, was);
    }
  }
}

describe("a Deno as it is known", () => {
  it("has all of its internals found, by a request that is an upgrade's", async () => {
    const world = known();
    const { internals, canPing } = await load(world);
    const { handleIdle, idleTime, rid, role, readyState: state } = NAMES;
    assertEquals(internals, { handleIdle, idleTime, rid, role, arm, state });
    assertEquals([canPing, world.asked.length], [true, 1]);
    const { headers } = world.asked[0]!;
    for (const [name, value] of [["upgrade", "websocket"], ["sec-websocket-version", "13"]]) {
      assertEquals(headers.get(name!), value);
    }
  });

  it("has the connection below a socket dropped where there is one, and its bytes counted", async () => {
    const world = known();
    const { dropResource, leftIn } = await load(world);
    const { socket } = world;
    Object.defineProperty(socket, "bufferedAmount", {
      get: () => socket[NAMES.readyState] === 1 ? 5 : 0,
    });
    assertEquals([dropResource(socket as never), leftIn(socket as never)], [false, undefined]);
    Object.defineProperty(socket, NAMES.rid, { value: 7 });
    socket[NAMES.readyState] = 3;
    assertEquals([dropResource(socket as never), leftIn(socket as never)], [true, 5]);
    assertEquals([world.closed, socket[NAMES.readyState]], [[7], 3]);
  });

  it("has one dropped as soon as it is there", async () => {
    const world = known();
    const { dropResource } = await load(world);
    const { socket } = world;
    for (let i = 0; i < 2; i++) assertEquals(dropResource(socket as never), false);
    assertEquals(world.closed, []);
    socket[NAMES.rid] = 7;
    assertEquals([world.closed, socket[NAMES.rid]], [[7], 7]);
  });
});

describe("a request of Deno's", () => {
  it("forgets that a signal would be aborted which nobody has asked for, and nothing else", async () => {
    const signal = named("signal");
    class Asked {
      [signal]: unknown = undefined;
    }
    const { forgetSignal } = await load(known(), Asked);
    const { signal: made } = new AbortController();
    for (const [kept, left] of [[false, undefined], [made, made], [undefined, undefined]]) {
      const request = new Asked();
      request[signal] = kept;
      forgetSignal(request as never);
      assertEquals(request[signal], left);
    }
  });

  it("is left alone where it keeps no such thing, and on what is no Deno", async () => {
    for (const deno of [known().deno, undefined]) {
      const { forgetSignal } = await load({ ...known(), deno });
      const request = { undefined: false };
      forgetSignal(request as never);
      assertEquals(request, { undefined: false });
    }
  });
});

describe("a request that Deno upgrades", () => {
  const inside = Symbol("inside");
  class Asked {
    [inside]: unknown;
    constructor(within: unknown) {
      this[inside] = within;
    }
  }

  it("tells by which promise Deno waits for its connection, which can be let go", async () => {
    const world = known();
    const { letGo, upgradeWith } = await load(world, Asked);
    const connection = Promise.resolve();
    class Within {
      asked: unknown[] = [];
      [INTERNAL.wantsUpgrade](...how: unknown[]) {
        this.asked.push(how);
        return connection;
      }
    }
    const waits: unknown[] = [];
    for (let time = 1; time <= 2; time++) {
      const within = new Within();
      const upgrade = () => within[INTERNAL.wantsUpgrade]("upgradeWebSocket", time);
      const request = new Asked(within) as never;
      assertEquals(upgradeWith(request, (one) => waits.push(one, time), upgrade), connection);
      assertEquals(within.asked, [["upgradeWebSocket", time]]);
    }
    assertEquals(waits, [connection, 1, connection, 2]);
    new Within()[INTERNAL.wantsUpgrade]("by somebody else");
    const failing = () => {
      throw new TypeError("it is none");
    };
    assertThrows(() => upgradeWith(new Asked(new Within()) as never, failing, failing), TypeError);
    new Within()[INTERNAL.wantsUpgrade]("by somebody else");
    assertEquals(waits.length, 4);
    letGo(connection);
    const freed: unknown[] = [];
    world.core["unrefOpPromise"] = (one: unknown) => freed.push(one);
    letGo(connection);
    assertEquals(freed, [connection]);
  });

  it("is upgraded all the same where it is none that Deno knows", async () => {
    for (const world of [known(), { ...known(), deno: undefined }]) {
      const { upgradeWith } = await load(world as World, Asked);
      const own = { [INTERNAL.wantsUpgrade]: () => {} };
      for (
        const within of [undefined, {}, { [INTERNAL.wantsUpgrade]: true }, own, Object.create(null)]
      ) {
        const waits = () => assertEquals("told", "of nothing");
        assertEquals(upgradeWith(new Asked(within) as never, waits, () => 5), 5);
      }
    }
  });
});

type World = ReturnType<typeof known>;

describe("a Deno that is not as it is known", () => {
  const without = (object: Fields, name: PropertyKey) => void delete object[name];
  const changes: Record<string, (world: World) => void> = {
    "there is none": (world) => Object.assign(world, { deno: undefined }),
    "it keeps nothing inside": ({ deno }) => without(deno, "internal"),
    "it has nothing where that was": ({ deno }) => without(deno, INTERNALS),
    "it has no core": ({ deno }) => Object.assign(deno, { [INTERNALS]: {} }),
    "no resource can be closed": ({ core }) => without(core, "tryClose"),
    "what closes a resource is no function": ({ core }) => Object.assign(core, { tryClose: 1 }),
    "it refuses the request": ({ deno }) => {
      deno.upgradeWebSocket = () => {
        throw new TypeError("no");
      };
    },
    "nothing handles an idle socket": ({ prototype }) => without(prototype, NAMES.handleIdle),
    "what handles it sends no Ping": ({ prototype }) => {
      prototype[NAMES.handleIdle] = () => "something else";
    },
    "what handles it is no function": ({ prototype }) => prototype[NAMES.handleIdle] = "ping frame",
    "a socket has no idle time": ({ socket }) => without(socket, NAMES.idleTime),
    "its idle time is no number": ({ socket }) => socket[NAMES.idleTime] = "0",
    "a socket has no role": ({ socket }) => without(socket, NAMES.role),
    "a server's role is another": ({ socket }) => socket[NAMES.role] = 1,
    "a socket has no resource": ({ socket }) => without(socket, NAMES.rid),
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`has none of its internals used, and is loaded: ${what}`, async () => {
      const world = known();
      change(world);
      const { canPing, dropResource, internals, leftIn } = await load(world);
      assertEquals([internals, canPing], [undefined, false]);
      world.socket[NAMES.rid] = 7;
      const socket = world.socket as never;
      assertEquals([dropResource(socket), leftIn(socket), world.closed], [false, undefined, []]);
    });
  }

  const states: Record<string, (world: World) => void> = {
    "there is none": ({ socket }) => without(socket, NAMES.readyState),
    "it is another": ({ socket }) => socket[NAMES.readyState] = 1,
  };
  for (const [what, change] of Object.entries(states)) {
    it(`has all but the state of a socket used, and counts no bytes by it: ${what}`, async () => {
      const world = known();
      change(world);
      const { canPing, internals, leftIn } = await load(world);
      assertEquals([canPing, internals!.state], [true, undefined]);
      world.socket[NAMES.rid] = 7;
      assertEquals(leftIn(world.socket as never), undefined);
    });
  }
});
