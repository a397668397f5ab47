/** MQTT over WebSockets: aedes in one of our servers, mqtt.js over our class. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Aedes } from "aedes";
import { Buffer } from "node:buffer";
import { mqttClient, mqttServer } from "../../docs/recipes/mqtt.ts";
import type { WebSocketServer } from "../../mod.ts";
import { within } from "../helpers/client.ts";

async function run(use: (url: string, server: WebSocketServer) => Promise<void>): Promise<void> {
  const broker = await Aedes.createBroker();
  const server = mqttServer(broker);
  await server.start({ serverPort: 0, serverIP: "127.0.0.1", protocol: "mqtt" });
  try {
    await use(`ws://127.0.0.1:${server.address!.port}/mqtt`, server);
  } finally {
    await new Promise<void>((resolve) => broker.close(resolve));
    await server.stop();
  }
}

type Client = ReturnType<typeof mqttClient>;

/** The next message that a client is told. */
function message(client: Client): Promise<{ topic: string; payload: Buffer; qos: number }> {
  return within(
    new Promise((resolve) =>
      client.once("message", (topic, payload, { qos }) => resolve({ topic, payload, qos }))
    ),
  );
}

function connected(client: Client): Promise<unknown> {
  return within(new Promise((resolve) => client.once("connect", resolve)));
}

describe("mqtt.js and aedes", () => {
  for (const qos of [0, 1, 2] as const) {
    it(`pass a message on with QoS ${qos}`, async () => {
      await run(async (url) => {
        const client = mqttClient(url);
        await connected(client);
        await within(client.subscribeAsync("news/#", { qos }));
        const heard = message(client);
        await within(client.publishAsync("news/today", "hello", { qos }));
        const { topic, payload, qos: told } = await heard;
        assertEquals([topic, payload.toString(), told], ["news/today", "hello", qos]);
        await client.endAsync();
      });
    });
  }

  it("pass 2 MB on", async () => {
    await run(async (url) => {
      const client = mqttClient(url);
      await connected(client);
      await within(client.subscribeAsync("big"));
      const heard = message(client);
      const data = Buffer.alloc(2 * 1024 * 1024, "0123456789");
      await within(client.publishAsync("big", data));
      assertEquals((await heard).payload.equals(data), true);
      await client.endAsync();
    });
  });

  it("tell the will of a client that was dropped", async () => {
    await run(async (url, server) => {
      const watcher = mqttClient(url);
      await connected(watcher);
      await within(watcher.subscribeAsync("wills"));
      const heard = message(watcher);
      const will = { topic: "wills", payload: Buffer.from("gone"), qos: 0, retain: false } as const;
      const client = mqttClient(url, { will, reconnectPeriod: 0 });
      client.on("error", () => {});
      await connected(client);
      await server.terminate(server.listAllConnections().at(-1)!);
      assertEquals((await heard).payload.toString(), "gone");
      await Promise.all([client.endAsync(true), watcher.endAsync()]);
    });
  });
});
