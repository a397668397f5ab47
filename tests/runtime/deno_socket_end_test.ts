/** `runtime/deno/socket.ts` on a real connection: what it tells, and how it ends. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { LIMIT_MS, pair, stall } from "../helpers/deno_socket_pair.ts";
import { onDeno } from "../helpers/programs.ts";
import { BINARY, CLOSE, readClose, TEXT } from "../peers/raw.ts";

if (!onDeno) {
  describe("DenoSocket", () => {
    it("is nothing for Bun, which needs no more than its own", () => assert(!onDeno));
  });
} else {
  describe("DenoSocket", () => {
    it("has nothing queued at first and at the end, and gives bytes as it was told", async () => {
      const kinds = [[undefined, ArrayBuffer], ["arraybuffer", ArrayBuffer], [
        "uint8array",
        Uint8Array,
      ]] as const;
      for (const [binaryType, kind] of kinds) {
        await using it = await pair({ binaryType });
        assertEquals([it.socket.bufferedAmount, it.held()], [0, 0]);
        it.peer.send(BINARY, Uint8Array.from([1, 2]));
        it.peer.send(TEXT, "text");
        it.peer.close(1001, "going");
        const end = await deadline(it.closed, LIMIT_MS);
        assertEquals(end, { code: 1001, reason: "going", unsent: 0 });
        assertEquals(it.socket.bufferedAmount, 0);
        assertInstanceOf<unknown>(it.heard[0], kind);
        const view = Uint8Array.from([1, 2]);
        const bytes = binaryType === "uint8array" ? view : view.buffer;
        assertEquals(it.heard, [bytes, "text"]);
      }
    });

    it("tells the code that came, whoever closed first, and 0 where an answer has none", async () => {
      const rows: [ours: number | undefined, theirs: number | undefined, told: number][] = [
        [undefined, 4001, 4001],
        [undefined, undefined, 1005],
        [4000, 4000, 4000],
        [4000, 4001, 4001],
        [4000, undefined, 0],
        [1001, 1001, 1001],
        [1005, undefined, 1005],
      ];
      for (const [ours, theirs, told] of rows) {
        await using it = await pair({}, { answerClose: false });
        const { peer, socket } = it;
        if (ours !== undefined) {
          socket.close(ours, "");
          const { payload } = await deadline(peer.next(CLOSE), LIMIT_MS);
          assertEquals(payload.length === 0, ours === 1005);
          if (ours !== 1005) assertEquals(readClose({ payload } as never).code, ours);
          peer.send(TEXT, "late"); // which is no reason to drop it before the answer
        }
        peer.close(theirs);
        peer.end();
        const { code, reason, unsent } = await deadline(it.closed, LIMIT_MS);
        assertEquals([ours, theirs, code, reason, unsent], [ours, theirs, told, "", 0]);
      }
    });

    it("counts what is sent from when Deno has closed until it tells of that, and closes no more", async () => {
      await using it = await pair();
      const { socket, ws } = it;
      assertEquals(socket.isEnding, false);
      Object.defineProperty(ws, "readyState", { value: ws.CLOSED, configurable: true });
      assertEquals(socket.isEnding, true);
      for (const data of ["ü", new Uint8Array(3)]) socket.send(data);
      assertEquals(socket.bufferedAmount, 5); // so that nobody takes it for sent
      socket.close(4000, "mine");
      it.peer.close(); // which is no answer to a frame of ours
      const { code, unsent } = await deadline(it.closed, LIMIT_MS);
      assertEquals([code, unsent, socket.late], [1005, 5, 0]);
      assertEquals(it.peer.texts(), []);
    });

    it("sends its Close frame within 25 ms once nothing is queued, however long that took", async () => {
      await using it = await pair();
      const { socket, ws } = it;
      let bufferedAmount = 1;
      Object.defineProperty(ws, "bufferedAmount", { get: () => bufferedAmount });
      const time = new FakeTime();
      try {
        socket.close(4000, "bye");
        await time.tickAsync(3000);
        bufferedAmount = 0;
        assertEquals(ws.readyState, ws.OPEN);
        await time.tickAsync(25);
        assertEquals(ws.readyState, ws.CLOSING);
      } finally {
        time.restore();
      }
      await deadline(it.closed, LIMIT_MS);
    });
  });

  describe("DenoSocket.terminate()", () => {
    it("is told of once, and leaves nothing that any call would do", async () => {
      let dropped = 0;
      await using it = await pair({ dropped: () => dropped++ });
      const { socket } = it;
      stall(it);
      for (let i = 0; i < 2; i++) {
        socket.terminate();
        // Where it is asked what is queued, or sends, Deno would end the process.
        socket.close(1000, "");
        socket.ping();
        for (const data of ["nobody hears", new Uint8Array(3)]) socket.send(data);
      }
      assertEquals([dropped, socket.bufferedAmount], [1, 0]);
    });

    it("has it tell of no message any more, whatever Deno tells", async () => {
      await using it = await pair();
      const tell = (data: string) => it.ws.dispatchEvent(new MessageEvent("message", { data }));
      tell("before");
      it.socket.terminate();
      tell("after");
      assertEquals(it.heard, ["before"]);
    });
  });
}
