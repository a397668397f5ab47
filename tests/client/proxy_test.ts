/** The client's `proxy`: what proxies saw of it, and what its server never may. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { Certificates } from "../helpers/certificates.ts";
import { EventLog } from "../helpers/client.ts";
import { HERE } from "../helpers/programs.ts";
import { PROXIES } from "../helpers/proxies.ts";
import { attempt, CREDENTIALS, requestLine, SCHEMES, Target } from "../helpers/proxy_target.ts";
import { header } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";

const made = new Certificates();
const ca = made.authority("ca");
const cert = made.leaf(ca);

const target = (scheme: "ws" | "wss") => Target.start(scheme, ca, cert);
const FAILED = "error 200 ";

for (const kind of PROXIES) {
  for (const scheme of SCHEMES) {
    describe(`'proxy' before ${kind.name}, ${scheme}`, () => {
      it("goes through the proxy it is told", async () => {
        await using server = await target(scheme);
        await using proxy = await kind.start();
        const { port } = proxy;
        const got = await attempt(server, { proxy: { host: "127.0.0.1", port } });
        assertEquals(proxy.lines[0], requestLine(server));
        assertEquals(new Set(proxy.lines).size, 1);
        assertEquals([got, server.requests.length, server.greeted], ["hello", 1, 1]);
      });

      it("tells the proxy its credentials, and the server never", async () => {
        await using server = await target(scheme);
        await using proxy = await kind.start("user:secret");
        const options = { proxy: { host: "127.0.0.1", port: proxy.port, ...CREDENTIALS } };
        assertEquals(await attempt(server, options), "hello");
        assertEquals(new Set(proxy.lines), new Set([requestLine(server)]));
        for (const request of server.requests) {
          assertEquals(request.filter((name) => name.startsWith("proxy-")), []);
          assert(!request.includes("authorization"));
        }
        assertEquals(server.requests.length, 1);
      });

      it("fails 200 when the password is wrong or missing", async () => {
        await using server = await target(scheme);
        await using proxy = await kind.start("user:secret");
        const { port } = proxy;
        const wrong = { host: "127.0.0.1", port, ...CREDENTIALS, password: "wrong" };
        const tries = [{ proxy: wrong }, without(wrong)];
        for (const options of tries) {
          const before = proxy.lines.length;
          assertStringIncludes(await attempt(server, options), FAILED);
          assertEquals(proxy.lines[before], requestLine(server));
        }
        assertEquals(server.requests, []);
      });
    });
  }
}

/** The same proxy with no credentials. */
function without({ host, port }: { host: string; port: number }) {
  return { proxy: { host, port } };
}

for (const scheme of SCHEMES) {
  describe(`'proxy', ${scheme}`, () => {
    it("sends the credentials as Basic ones, once and to the proxy only", async () => {
      const pairs = [
        ["me@home", "p:/@ %41ü"], // signs that would end or change them in a URL
        ["me", ""],
        ["", "secret"],
      ] as const;
      for (const [username, password] of pairs) {
        const credentials = `${username}:${password}`;
        await using server = await target(scheme);
        await using proxy = await RecordingProxy.listen({ credentials });
        const options = { proxy: { host: "127.0.0.1", port: proxy.port, username, password } };
        assertEquals(await attempt(server, options), "hello");
        assertEquals([credentials, proxy.heads.length > 0], [credentials, true]);
        assertMatch(header(proxy.heads.at(-1)!, "proxy-authorization"), /^Basic \S+$/);
        assertEquals(server.requests.length, 1);
        assertEquals(server.requests[0]!.filter((name) => /proxy|authorization/.test(name)), []);
      }
    });

    it("resolves the server's name at the proxy, not here", async () => {
      await using server = await target(scheme);
      await using proxy = await RecordingProxy.listen();
      const url = `${scheme}://elsewhere.invalid:${server.port}/`;
      const got = await attempt({ ...server.at(url) }, {
        proxy: { host: "localhost", port: proxy.port },
      });
      assertEquals(proxy.lines[0], requestLine(server.at(url)));
      // The certificate is for another name, which is verified through a proxy as well.
      if (scheme === "ws") assertEquals(got, "hello");
      else assertEquals(got, "error 200 Websocket connect failed: the TLS handshake failed");
    });

    it("leaves the hosts of 'exclusionList' out", async () => {
      await using server = await target(scheme);
      await using proxy = await RecordingProxy.listen();
      const { port } = server;
      const name = `${scheme}://localhost:${port}/`;
      const address = `${scheme}://127.0.0.1:${port}/`;
      for (
        const [url, item] of [
          ...["localhost", ".localhost", "LOCALHOST", "*", `localhost:${port}`]
            .map((item) => [name, item]),
          ...["127.0.0.1", "127.0.0.0/8", "127.0.0.1/32", `127.0.0.1:${port}`, "*"]
            .map((item) => [address, item]),
        ] as [string, string][]
      ) {
        const exclusionList = ["other.example", item];
        const options = { proxy: { host: "127.0.0.1", port: proxy.port, exclusionList } };
        assertEquals([item, await attempt(server.at(url), options)], [item, "hello"]);
        assertEquals([item, proxy.lines], [item, []]);
      }
      const near = ["local", "calhost", ".host", "localhost:1", "10.0.0.0/8", "127.0.0.2", ""];
      for (const [i, item] of near.entries()) {
        const options = {
          proxy: { host: "127.0.0.1", port: proxy.port, exclusionList: [item] },
        };
        const url = /^\d/.test(item) ? address : name;
        assertEquals([item, await attempt(server.at(url), options)], [item, "hello"]);
        assertEquals([item, proxy.lines.length], [item, i + 1]);
      }
    });

    it("fails 200 when the proxy refuses", async () => {
      await using server = await target(scheme);
      await using proxy = await RecordingProxy.listen({ refuse: 502 });
      const got = await attempt(server, { proxy: { host: "127.0.0.1", port: proxy.port } });
      assertStringIncludes(got, FAILED);
      assertEquals(proxy.lines[0], requestLine(server));
      assertEquals(server.requests, []);
    });

    it("tells in 'data' what the proxy refused with, where the runtime tells", async () => {
      await using server = await target(scheme);
      for (
        const [options, status] of [
          [{ refuse: 502 }, "502"],
          [{ refuse: 403 }, "403"],
          [{ credentials: "user:secret" }, "407"],
        ] as const
      ) {
        await using proxy = await RecordingProxy.listen(options);
        const ws = createWebSocket();
        const log = new EventLog(ws);
        const by = { proxy: { host: "127.0.0.1", port: proxy.port } };
        assertEquals(await ws.connect(server.url, { caPath: server.caPath, ...by }), true);
        await log.next("error");
        // Deno names no other number of what CONNECT was answered.
        const isHidden = HERE === "deno" && scheme === "wss" && status !== "407";
        const words = isHidden ? "no tunnel" : `HTTP status ${status}`;
        assertEquals(
          log.errors.map(({ data, message }) => [data, message.split("answered with ")[1]]),
          [[isHidden ? "0" : status, words]],
        );
      }
    });

    it("fails 200 when nobody listens where the proxy should be, and never goes around", async () => {
      await using server = await target(scheme);
      const got = await attempt(server, { proxy: { host: "127.0.0.1", port: 1 } });
      assertStringIncludes(got, FAILED);
      assertEquals(server.requests, []);
    });

    it("fails 200 after 'connectTimeout' when the proxy hangs", async () => {
      await using server = await target(scheme);
      await using proxy = await RecordingProxy.listen({ hang: true });
      const options = { proxy: { host: "127.0.0.1", port: proxy.port }, connectTimeout: 0.5 };
      const got = await attempt(server, options);
      assertEquals(got, "error 200 Websocket connect failed: timed out after 0.5 s");
      assertEquals(proxy.lines, [requestLine(server)]);
      assertEquals(server.requests, []);
    });
  });
}
