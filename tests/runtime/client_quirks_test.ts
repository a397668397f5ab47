/**
 * What the runtimes' own WebSocket does, without our module. Each of these is worked round in
 * `runtime/`: where one turns red after an upgrade, the workaround can go or must change.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno, Program } from "../helpers/programs.ts";
import { runSource } from "../helpers/source.ts";
import { acceptHead, header, RawServer } from "../peers/raw.ts";
import { dial, drop, opened } from "./bare.ts";

/** The value of the runtime that runs this. */
const here = <T>(values: { deno: T; bun: T }): T => onDeno ? values.deno : values.bun;

/** Dials a server that answers the handshake with more than was asked for. */
async function handshake(extra: string[], init: object): Promise<string[]> {
  const server = await RawServer.listen({ answer: (request) => acceptHead(request, extra) });
  try {
    const { ws, log, over } = dial(server.url, init);
    await deadline(Promise.race([opened(ws), over]), 30_000);
    if (log[0] === "open") log.push(`protocol '${ws.protocol}' extensions '${ws.extensions}'`);
    else log[0] = log[0]!.replace(/^error .*failed: /, "error ");
    ws.close();
    await server.close();
    await deadline(over, 30_000);
    return log.slice(0, log[0] === "open" ? 2 : 1);
  } finally {
    await server.close().catch(() => {});
  }
}

describe("the runtime's WebSocket in the handshake", () => {
  it("takes a subprotocol that was not offered on Deno, and not on Bun", async () => {
    assertEquals(
      await handshake(["Sec-WebSocket-Protocol: other"], { protocols: ["chat"] }),
      here({
        deno: ["open", "protocol 'other' extensions ''"],
        bun: ["error Mismatch client protocol"],
      }),
    );
  });

  it("takes it on Deno that no subprotocol is chosen of those offered, and not on Bun", async () => {
    assertEquals(
      await handshake([], { protocols: ["chat"] }),
      here({
        deno: ["open", "protocol '' extensions ''"],
        bun: ["error Missing client protocol"],
      }),
    );
  });

  it("takes an extension that was not offered on Deno, and not on Bun", async () => {
    const log = await handshake(["Sec-WebSocket-Extensions: x-foo"], { perMessageDeflate: false });
    if (onDeno) assertEquals(log, ["open", "protocol '' extensions 'x-foo'"]);
    else assert(log[0]!.startsWith("error "), log[0]);
  });

  it("takes a user in its URL whose % is no escape on Bun, and throws on Deno", async () => {
    const server = await RawServer.listen();
    const make = () => dial(server.url.replace("//", "//me:100%@"), {});
    if (onDeno) assertThrows(make, URIError);
    else {
      const { ws, over } = make();
      const raw = await deadline(server.accept(), 30_000);
      assertEquals(header(raw.head, "authorization"), `Basic ${btoa("me:100%")}`);
      if (ws.readyState === WebSocket.CONNECTING) await deadline(opened(ws), 30_000);
      ws.close();
      await deadline(over, 30_000);
    }
    await server.close();
  });

  for (const given of [{}, { perMessageDeflate: false }]) {
    it(`offers compression on Bun unless told otherwise: ${JSON.stringify(given)}`, async () => {
      const server = await RawServer.listen();
      const { ws, over } = dial(server.url, given);
      const raw = await deadline(server.accept(), 30_000);
      const offer = header(raw.head, "sec-websocket-extensions");
      const expected = here({ deno: "", bun: "permessage-deflate" });
      assertEquals(offer.split(";")[0], "perMessageDeflate" in given ? "" : expected);
      if (ws.readyState === WebSocket.CONNECTING) await deadline(opened(ws), 30_000);
      ws.close();
      await deadline(over, 30_000);
      await server.close();
    });
  }
});

describe("the runtime's WebSocket", () => {
  async function withPeer<T>(
    use: (side: ReturnType<typeof dial> & { raw: Awaited<ReturnType<RawServer["accept"]>> }) => T,
    answerClose = true,
  ): Promise<Awaited<T>> {
    const server = await RawServer.listen({ answerClose });
    try {
      const side = dial(server.url);
      const raw = await deadline(server.accept(), 30_000);
      if (side.ws.readyState === WebSocket.CONNECTING) await deadline(opened(side.ws), 30_000);
      const result = await use({ ...side, raw });
      if (side.ws.readyState !== WebSocket.CLOSED) {
        side.ws.close();
        await server.close();
        await deadline(side.over, 30_000);
      }
      return result;
    } finally {
      await server.close().catch(() => {});
    }
  }

  it("gives bytes as something else than an ArrayBuffer unless told", async () => {
    const { binaryType } = await withPeer(({ ws }) => ({ binaryType: ws.binaryType as string }));
    assertEquals(binaryType, here({ deno: "blob", bun: "nodebuffer" }));
  });

  it("gives bytes as no Uint8Array, whatever it is told", async () => {
    const { binaryType } = await withPeer(({ ws }) => {
      ws.binaryType = "uint8array" as BinaryType;
      return { binaryType: ws.binaryType as string };
    });
    assertEquals(binaryType, here({ deno: "blob", bun: "nodebuffer" }));
  });

  it("refuses to send close code 1001 on Deno, and not on Bun; 1005 on both", async () => {
    await withPeer(async ({ ws, raw }) => {
      assertThrows(() => ws.close(1005, ""));
      if (onDeno) {
        assertThrows(() => ws.close(1001, ""));
        return;
      }
      ws.close(1001, "");
      const { payload } = await deadline(raw.next(8), 30_000);
      assertEquals([...payload], [3, 233]);
    });
  });

  it("throws for a resizable buffer on Bun, and not on Deno", async () => {
    await withPeer(async ({ ws, raw }) => {
      const buffer = new ArrayBuffer(2, { maxByteLength: 4 });
      if (!onDeno) {
        assertThrows(() => ws.send(buffer));
        assertThrows(() => ws.send(new Uint8Array(buffer)));
        return;
      }
      ws.send(buffer);
      assertEquals((await deadline(raw.next(2), 30_000)).payload, new Uint8Array(2));
    });
  });

  it("goes on counting bufferedAmount after the end on Bun, and not on Deno", async () => {
    await withPeer(async ({ ws, over }) => {
      ws.close();
      await deadline(over, 30_000);
      assertEquals(ws.bufferedAmount, 0);
      ws.send("four");
      assert(here({ deno: ws.bufferedAmount === 0, bun: ws.bufferedAmount >= 4 }));
    });
  });

  it("tells of a reset with an error and code 0 on Deno, with 1006 and no error on Bun", async () => {
    await withPeer(async ({ log, raw, over }) => {
      raw.reset();
      await deadline(over, 30_000);
      const kinds = log.map((line) => line.split(" ").slice(0, line.startsWith("close") ? 2 : 1));
      assertEquals(
        kinds.slice(1).map((kind) => kind.join(" ")),
        here({ deno: ["error", "close 0"], bun: ["close 1006"] }),
      );
    });
  });

  it("can be dropped at once, and tells of it as 1005 on Deno and 1006 on Bun", async () => {
    await withPeer(async ({ ws, log, raw, over }) => {
      drop(ws);
      await deadline(raw.ended, 30_000);
      await deadline(over, 30_000);
      assertEquals(
        log.at(-1)!.split(" ")[1],
        here({ deno: "1005", bun: "1006" }),
      );
    });
  });

  it("can be dropped while the peer leaves its Close frame unanswered", async () => {
    await withPeer(async ({ ws, raw, over, log }) => {
      ws.close(1000, "");
      await deadline(raw.next(8), 30_000);
      assertEquals(log, ["open"]);
      drop(ws);
      await deadline(raw.ended, 30_000);
      await deadline(over, 30_000);
    }, false);
  });
});

describe("a process whose WebSocket was dropped behind a stalled write", () => {
  for (const [what, ends] of [["nothing", true], ["close", !onDeno], ["ping", !onDeno]] as const) {
    const lives = ends ? "ends" : "does not end";
    it(`${lives} where ${what} was called meanwhile`, async () => {
      await using peer = Program.here("raw_peer.ts", ["server", "unread"]);
      const { text } = await deadline(peer.lineFrom("port "), 30_000);
      await using program = Program.here("stalled_write.ts", [text.slice(5), what]);
      await deadline(program.lineFrom("dropped"), 30_000);
      const ended = await deadline(program.ended, 2_000).catch(() => undefined);
      assertEquals(ended === undefined, !ends);
      if (ended !== undefined) assertEquals(ended.code, 0);
    });
  }
});

describe("the runtime's permissions", () => {
  it("throws on Deno for a name that cannot stand in its list, unless all are allowed", async () => {
    if (!onDeno) return;
    const source = `try {
      console.log(Deno.permissions.querySync({ name: "net", host: "a..b:80" }).state);
    } catch ({ name }) {
      console.log(name);
    }`;
    const ask = async (flag: string) =>
      (await runSource(source, { runtime: "deno", flags: ["--no-prompt", flag] })).stdout.trim();
    assertEquals(await ask("--allow-net"), "granted");
    assertEquals(await ask("--allow-net=127.0.0.1"), "URIError");
  });
});
