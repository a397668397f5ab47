/** The transports that `runtime/contract.ts` is asked of. */

import type { Acceptor, Address, ClientRuntime, ServerRuntime } from "../../runtime/contract.ts";
import { clientRuntime } from "../../runtime/select_client.ts";
import { serverRuntime } from "../../runtime/select_server.ts";
import { MemoryNetwork } from "../../testing.ts";
import { TestHost } from "../helpers/test_host.ts";

const memory = new MemoryNetwork();

/** A host: where it is, and how it is stopped. */
interface AnyHost {
  address: Address;
  stop(): unknown;
}

/** A runtime whose every server is mounted in a host, which listens for it. */
function mounted(
  runtime: ServerRuntime,
  serve: (port: number, acceptor: Acceptor) => AnyHost,
): ServerRuntime {
  return {
    ...runtime,
    listen(options, events) {
      const limits = { ...options, maxBufferedAmount: 1_000_000, pingInterval: 30 };
      const hostFault = (why: string): never => {
        throw new Error(why);
      };
      const request = events.request.bind(events);
      const acceptor = runtime.mount(limits, { request, hostFault });
      const host = serve(options.port, acceptor);
      return {
        address: host.address,
        ...(acceptor.publish === undefined ? {} : { publish: acceptor.publish }),
        async close(ms) {
          await acceptor.close(ms);
          await host.stop();
        },
      };
    },
  };
}

const inHost = mounted(serverRuntime, (port, acceptor) => {
  const host = new TestHost((request, info) => acceptor.accept(request, info), {
    websocket: acceptor.websocket,
    port,
  });
  return { address: { hostname: "127.0.0.1", port: host.port }, stop: () => host.stop(true) };
});

const inMemoryHost = mounted(
  memory.server,
  (port, acceptor) => memory.serve(port, (request, info) => acceptor.accept(request, info)),
);

/** Each transport that there is: a side that dials, and one that listens. */
export const TRANSPORTS: { name: string; client: ClientRuntime; server: ServerRuntime }[] = [
  { name: "this runtime", client: clientRuntime!, server: serverRuntime! },
  { name: "the memory network", client: memory.client, server: memory.server },
  { name: "this runtime, in a host of its own", client: clientRuntime!, server: inHost },
  { name: "the memory network, in a host of its own", client: memory.client, server: inMemoryHost },
];
