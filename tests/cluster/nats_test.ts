import { connect, type NatsConnection } from "@nats-io/transport-node";
import { delay } from "@std/async";
import { natsBroker } from "../../nats.ts";
import type { Broker } from "../../cluster.ts";
import { brokerContract, type Ground } from "../helpers/broker_contract.ts";
import { NatsServer } from "../helpers/engines.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

/** A NATS behind a gate that the first node's connection goes through. */
export async function natsGround(): Promise<Ground> {
  const nats = await NatsServer.run();
  const gate = await TcpGate.listen(nats.port);
  const connections: NatsConnection[] = [];
  const open = async (port: number) => {
    const connection = await connect({
      servers: `127.0.0.1:${port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 10,
      pingInterval: 1000,
    });
    connections.push(connection);
    return connection;
  };
  return {
    async broker(): Promise<Broker> {
      const port = connections.length === 0 ? gate.port : nats.port;
      return natsBroker({ connection: await open(port) });
    },
    restart: () => nats.restart(),
    empty: () => nats.empty(),
    snapshot: () => nats.snapshot(),
    async trim(keep, meanwhile) {
      gate.state = "black hole";
      gate.reset();
      await meanwhile();
      const connection = await open(nats.port);
      const request = JSON.stringify({ keep });
      await connection.request("$JS.API.STREAM.PURGE.NETKIT", request, { timeout: 2000 });
      gate.state = "open";
      gate.reset();
    },
    async hang(ms) {
      nats.freeze();
      await delay(ms);
      nats.thaw();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(connections.map((connection) => connection.close()));
      await gate[Symbol.asyncDispose]();
      await nats[Symbol.asyncDispose]();
    },
  };
}

brokerContract("on NATS", natsGround);
