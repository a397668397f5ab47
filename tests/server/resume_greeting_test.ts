/** What a client is told that is greeted and has not answered yet, which is in no list of connections. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ResumingServers, type Told } from "../helpers/resuming_servers.ts";

/** A client by hand, which answers when it likes. */
function raw(world: ResumingServers): Promise<Told> {
  return world.client({ resume: false, reconnect: false }, "resume.netkit.1");
}

/** Answers the greeting, and closes when all has come. Returns what it was told. */
async function answer(
  world: ResumingServers,
  { ws, log }: Told,
  hello: object,
): Promise<unknown[]> {
  await ws.send(`${JSON.stringify({ resume: 1, ...hello })}\n`);
  await world.settle(1500);
  await world.clock.until(ws.close());
  return log.map((one) => `${one}`.trimEnd());
}

describe("who has been greeted and has not answered", () => {
  it("is told where the log stands as soon as that is known", async () => {
    await using world = new ResumingServers();
    const link = world.broker.link();
    link.hold("appends"); // nothing was ever published, and the server's own entry takes its time
    await world.start({ broker: link });
    const told = await raw(world);
    assertEquals(told.log, ['{"resume":1}\n']);
    link.release();
    await world.settle();
    const log = await answer(world, told, {});
    assertEquals(log.slice(1), ['{"epoch":"1","at":"0.0"}', '{"joined":"t","at":"1.0"}']);
  });

  it("is told that the log is another, and knows by that what cannot be recovered", async () => {
    await using world = new ResumingServers();
    await world.start();
    await world.publish("t", "a", "b");
    const told = await raw(world);
    world.broker.empty();
    await world.settle();
    const log = await answer(world, told, { epoch: "1", at: { t: "2.0" } });
    assertEquals(log, [
      '{"resume":1,"epoch":"1"}',
      '{"lost":"gone"}',
      '{"epoch":"2","at":"0.0"}',
      '{"joined":"t","at":"1.0","recovered":false,"missed":0}',
    ]);
  });

  it("misses nothing where its break comes after that", async () => {
    await using world = new ResumingServers();
    const link = world.broker.link();
    link.hold("appends");
    await world.start({ broker: link });
    const told = await raw(world);
    link.release();
    await world.settle();
    await answer(world, told, {});
    const [epoch] = told.log.map((one) => JSON.parse(`${one}`).epoch).filter(Boolean);
    await world.publish("t", "a", "b");
    const again = await raw(world);
    const log = await answer(world, again, { epoch, at: { t: "1.0" } });
    assertEquals(log.slice(1), [
      '{"joined":"t","at":"1.0","recovered":true,"missed":2}',
      "2.0\na",
      "2.1\nb",
    ]);
  });

  it("is told nothing when it has left, and leaves no timer", async () => {
    await using world = new ResumingServers();
    await world.start();
    const { pending } = world.clock;
    const { ws, log } = await raw(world);
    await world.clock.until(ws.close());
    await world.settle(6000); // the client waits for so long at the most
    assertEquals(world.clock.pending, pending);
    world.broker.empty();
    await world.settle(60_000);
    assertEquals(log, ['{"resume":1,"epoch":"1"}\n']);
  });
});
