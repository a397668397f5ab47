/**
 * What the runtimes' own WebSocket does with a proxy's credentials, without our module. On the first
 * of these turning red after an upgrade, `proxy` with credentials need not be refused on Deno.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import process from "node:process";
import { Certificates } from "../helpers/certificates.ts";
import { within } from "../helpers/client.ts";
import { HERE } from "../helpers/programs.ts";
import { Target } from "../helpers/proxy_target.ts";
import { header } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";

const made = new Certificates();
const ca = made.authority("ca");
const cert = made.leaf(ca);

const deno = (globalThis as unknown as {
  Deno: {
    createHttpClient(options: object): { close(): void };
    connect(options: object): Promise<unknown>;
    connectTls(options: object): Promise<unknown>;
  };
}).Deno;

/** Connects through a proxy that asks for credentials; gives those the server was told, too. */
async function leaked(init: (proxy: string, ca: string) => object): Promise<boolean> {
  await using server = await Target.start("wss", ca, cert);
  await using proxy = await RecordingProxy.listen({ credentials: "user:secret" });
  const way = `http://user:secret@127.0.0.1:${proxy.port}`;
  const Dial = WebSocket as unknown as new (url: string, init: object) => WebSocket;
  const ws = new Dial(server.url, init(way, readFileSync(ca.certPath, "utf8")));
  const closed = new Promise((resolve) => ws.onclose = resolve);
  await within(
    new Promise((resolve, reject) => {
      ws.onmessage = resolve;
      ws.onerror = reject;
    }),
  );
  ws.close();
  await within(closed);
  assertMatch(header(proxy.heads.at(-1)!, "proxy-authorization"), /^Basic \S+$/);
  assertEquals(server.requests.length, 1);
  return server.requests[0]!.includes("proxy-authorization");
}

describe("the runtime's WebSocket behind a proxy, wss", () => {
  it("tells the server the proxy's credentials on Deno, and not on Bun", async () => {
    const init = (url: string, ca: string) => {
      if (HERE === "bun") return { proxy: url, tls: { ca } };
      const client = deno.createHttpClient({ caCerts: [ca], proxy: { url } });
      // The connection that is started next keeps it.
      queueMicrotask(() => client.close());
      return { client };
    };
    assertEquals(await leaked(init), HERE === "deno");
  });

  it("does not where they are the environment's as Deno makes its HttpClient", async () => {
    const init = (url: string, ca: string) => {
      if (HERE === "bun") return { proxy: url, tls: { ca } };
      const before = process.env.HTTPS_PROXY;
      process.env.HTTPS_PROXY = url;
      try {
        const client = deno.createHttpClient({ caCerts: [ca] });
        queueMicrotask(() => client.close());
        return { client };
      } finally {
        if (before === undefined) delete process.env.HTTPS_PROXY;
        else process.env.HTTPS_PROXY = before;
      }
    };
    assertEquals(await leaked(init), false);
  });
});

describe("the runtime's WebSocket behind a proxy, ws", () => {
  it("asks with an absolute GET on Deno, which `runtime/deno/relay.ts` is for, and to CONNECT on Bun", async () => {
    await using server = await Target.start("ws", ca, cert);
    await using proxy = await RecordingProxy.listen();
    const url = `http://127.0.0.1:${proxy.port}`;
    const client = HERE === "deno" ? deno.createHttpClient({ proxy: { url } }) : undefined;
    const Dial = WebSocket as unknown as new (url: string, init: object) => WebSocket;
    const ws = new Dial(server.url, client === undefined ? { proxy: url } : { client });
    client?.close();
    const closed = new Promise((resolve) => ws.onclose = resolve);
    await within(new Promise((resolve) => ws.onmessage = resolve));
    ws.close();
    await within(closed);
    const { host } = new URL(server.url);
    const line = HERE === "deno" ? `GET http://${host}/ HTTP/1.1` : `CONNECT ${host} HTTP/1.1`;
    assertEquals(proxy.lines, [line]);
  });
});

describe("a connection with TLS", () => {
  it("takes no notice on Deno of a signal, as one without does", async () => {
    if (HERE !== "deno") return;
    await using proxy = await RecordingProxy.listen();
    const signal = AbortSignal.abort();
    const to = { hostname: "127.0.0.1", port: proxy.port, signal };
    assertEquals(await deno.connect(to).catch(({ name }) => name), "AbortError");
    const conn = await deno.connectTls(to) as { close(): void };
    conn.close();
  });
});
