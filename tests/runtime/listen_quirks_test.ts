/**
 * What the runtimes' own servers throw where they cannot listen, without our module: `fault` of
 * `runtime/deno/server.ts` and `runtime/bun/server.ts` sorts it. Deno 2.9.6 has classes, but none for
 * what the resolver says; Bun 1.4.5 has the system's codes. Where one turns red after an upgrade,
 * sort anew.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { onDeno } from "../helpers/programs.ts";
import { bun, deno } from "./bare.ts";

/** Listens; gives the port. */
function listen(hostname: string, port = 0): { port: number; stop(): Promise<void> } {
  if (!onDeno) {
    const server = bun.serve({ hostname, port, fetch: () => new Response() });
    return { port: server.port, stop: () => server.stop(true) };
  }
  const server = deno.serve({ hostname, port, onListen() {} }, () => new Response());
  return { port: server.addr.port, stop: () => server.shutdown() };
}

/** What is thrown: its class, its code, and what its message begins with where both say nothing. */
async function thrown(hostname: string, port?: number): Promise<string> {
  let server;
  try {
    server = listen(hostname, port);
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return `${name} ${code ?? message.split(":")[0]}`;
  }
  await server.stop();
  return "nothing";
}

describe("the runtime's server throws as it cannot listen", () => {
  it("on a port that is taken", async () => {
    const server = listen("127.0.0.1");
    try {
      assertEquals(
        await thrown("127.0.0.1", server.port),
        onDeno ? "AddrInUse EADDRINUSE" : "Error EADDRINUSE",
      );
    } finally {
      await server.stop();
    }
  });

  const hosts: [host: string, deno: string, bun: string][] = [
    ["192.0.2.1", "AddrNotAvailable EADDRNOTAVAIL", "Error EADDRNOTAVAIL"],
    ["2001:db8::1", "AddrNotAvailable EADDRNOTAVAIL", "Error EADDRNOTAVAIL"],
    // What Bun says of a host that is not found depends on the machine's resolver.
    ["999.1.1.1", "Error failed to lookup address information", "Error EADDRNOTAVAIL or EINVAL"],
    [
      "no-such-host.invalid",
      "Error failed to lookup address information",
      "Error EADDRNOTAVAIL or EINVAL",
    ],
  ];
  for (const [host, deno, bun] of hosts) {
    it(`on ${host}: ${onDeno ? deno : bun}`, async () => {
      const said = await thrown(host);
      if (onDeno || !bun.includes(" or ")) assertEquals(said, onDeno ? deno : bun);
      else assertMatch(said, /^Error (EADDRNOTAVAIL|EINVAL)$/);
    });
  }

  it("not at all on an address of this machine", async () => {
    assertEquals(await thrown("127.0.0.1"), "nothing");
  });
});
