import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Fifo } from "../../internal/fifo.ts";

describe("Fifo", () => {
  it("gives what was put in, in order, and knows what is left", () => {
    for (const kept of [1, 3, 63, 64, 65, 200]) {
      const fifo = new Fifo<number>(Array.from({ length: kept }, (_, n) => n));
      let next = 0;
      for (let n = kept; n < 1000; n++) {
        fifo.push(n);
        assertEquals([fifo.at(0), fifo.at(kept), fifo.at(kept + 1)], [next, n, undefined]);
        assertEquals(fifo.shift(), next++);
        assertEquals(fifo.size, kept);
      }
      const left = Array.from({ length: kept }, (_, n) => next + n);
      assertEquals(fifo.all, left);
      for (const one of left) assertEquals(fifo.shift(), one);
      assertEquals([fifo.shift(), fifo.size, fifo.all], [undefined, 0, []]);
    }
  });

  it("takes all at once, and is not what it was made of", () => {
    const items = [undefined, 1, 2, 3];
    const fifo = new Fifo<number | undefined>(items);
    assertEquals([fifo.shift(), fifo.size], [undefined, 3]);
    fifo.push(4);
    items.push(5);
    assertEquals([fifo.take(), fifo.size, fifo.take()], [[1, 2, 3, 4], 0, []]);
    fifo.push(6);
    assertEquals([fifo.at(0), fifo.shift(), fifo.shift()], [6, 6, undefined]);
  });

  it("gives a hundred thousand no slower than it takes them, more or less", () => {
    const fifo = new Fifo<object>();
    for (let n = 0; n < 100_000; n++) fifo.push({});
    const began = performance.now();
    while (fifo.shift() !== undefined);
    // An array takes half a minute for that on Deno.
    assertLess(performance.now() - began, 2000);
  });
});
