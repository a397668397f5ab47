/** What errors must not say: the value of a header, and a URL's user, password and query. */

import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inspect } from "node:util";
import { type BusinessError, createWebSocket } from "../../mod.ts";
import { answerOf, EventLog, refusal, untyped, within } from "../helpers/client.ts";
import { NOBODY } from "../helpers/event_log.ts";
import { RawServer } from "../peers/raw.ts";

const SECRET = "Geheimnis";

/** All that can be seen of an error: what a console prints of it, with its causes and their stacks. */
function seen(error: unknown): string {
  let text = inspect(error, { depth: 10, showHidden: true });
  for (let one = error; one instanceof Error; one = one.cause) {
    text += `${one.message} ${one.stack} ${JSON.stringify(one)}`;
  }
  return text;
}

function assertSecret(error: unknown): void {
  assertFalse(seen(error).includes(SECRET) || seen(error).includes("7340192"), seen(error));
}

describe("createWebSocket().connect() with what it refuses", () => {
  const options: [what: string, named: string, options: unknown][] = [
    ["a header with a line end", "authorization", {
      header: { Authorization: `Bearer ${SECRET}\n` },
    }],
    ["a header that is no Latin-1", "cookie", { header: { cookie: `${SECRET}€` } }],
    ["a header of the handshake's", "host", { header: { host: SECRET } }],
    ["a header's line as its name", "authorization", {
      header: { [`authorization: ${SECRET}`]: "" },
    }],
    ["a header that is a number", "x-pin", { header: { "x-pin": 7_340_192 } }],
    ["a header that is a symbol", "x-token", { header: { "x-token": Symbol(SECRET) } }],
    ["a header that is an error", "x-token", { header: { "x-token": new Error(SECRET) } }],
    ["a header that is a text", "header", { header: `authorization: ${SECRET}` }],
    ["a header that is a list", "header", { header: [["authorization", SECRET]] }],
    ["subprotocols that are none", "protocol", { protocol: `bearer ${SECRET}` }],
    ["subprotocols twice", "protocol", {
      protocol: SECRET,
      header: { "sec-websocket-protocol": "a" },
    }],
    ["subprotocols in the header", "protocol", {
      header: { "sec-websocket-protocol": `a ${SECRET}` },
    }],
    ["a header in the wrong place", "authorization", { authorization: `Bearer ${SECRET}` }],
    ["a subprotocol in the wrong place", "options", SECRET],
    ["a proxy that is a URL", "proxy", { proxy: `http://user:${SECRET}@127.0.0.1:1` }],
    ["a proxy's password that is none", "proxy", { proxy: { host: SECRET + "@a", port: 1 } }],
    ["a key's password in the wrong place", "clientCert", {
      clientCert: { certPath: "a", keyPath: "b", password: SECRET },
    }],
  ];
  for (const [what, named, given] of options) {
    it(`names it and does not show it: ${what}`, async () => {
      const error = await refusal(untyped(createWebSocket()).connect(NOBODY, given));
      assertEquals(error.code, 401);
      assertStringIncludes(error.message.toLowerCase(), named.toLowerCase());
      assertSecret(error);
    });
  }

  const urls = [
    `http://user:${SECRET}@127.0.0.1/?token=${SECRET}`,
    `wss://${SECRET}@127.0.0.1:99999/`,
    `ws://user:${SECRET}/${SECRET}@127.0.0.1:99999/path?${SECRET}`,
    `ws:/user:${SECRET}@127.0.0.1/`,
    `WS://127.0.0.1/?token=${SECRET}`,
    `ws://127.0.0.1/#${SECRET}`,
    `ws://127.0.0.1:0/?a=?${SECRET}`,
    `ws://${SECRET}:${SECRET}@/?${SECRET}`,
    `user:${SECRET}@127.0.0.1?${SECRET}`,
  ];
  for (const url of urls) {
    it(`shows what is public of a URL: ${url}`, async () => {
      const error = await refusal(createWebSocket().connect(url));
      assertSecret(error);
      if (error.code === 2302001) assertStringIncludes(error.message, "127.0.0.1");
    });
  }

  for (const mark of ["?", "#"]) {
    it(`shows nothing of a URL whose password has a ${mark} that is not escaped`, async () => {
      const url = `ws://user:${SECRET}${mark}${SECRET}@127.0.0.1/`;
      const error = await refusal(createWebSocket().connect(url));
      assertSecret(error);
      assertStringIncludes(error.message, 'current value is "ws://…"');
    });
  }
});

describe("createWebSocket().connect() that fails", () => {
  const path = `/?token=${SECRET}`;
  const ways: [what: string, url: (port: number) => string, answer?: string][] = [
    ["as nobody listens", () => `ws://127.0.0.1:1${path}`],
    ["as nobody listens, with a user", () => `ws://user:${SECRET}@127.0.0.1:1${path}`],
    ["as there is no such host", () => `ws://nobody.invalid${path}`],
    ["as nobody answers in time", (port) => `wss://user:${SECRET}@127.0.0.1:${port}${path}`],
    ["as it is refused", (port) => `ws://127.0.0.1:${port}${path}`, "HTTP/1.1 401 No\r\n\r\n"],
    [
      "at a path with a quote in it",
      (port) => `ws://127.0.0.1:${port}/it's${path}`,
      "HTTP/1.1 401 No\r\n\r\n",
    ],
    ["as nobody speaks HTTP", (port) => `ws://127.0.0.1:${port}${path}`, "hello\r\n\r\n"],
  ];
  for (const [what, url, answer] of ways) {
    it(`tells an error with nothing of the URL that is secret: ${what}`, async () => {
      const server = await RawServer.listen({ answer: () => answer });
      try {
        const ws = createWebSocket();
        const log = new EventLog(ws);
        const header = { authorization: `Bearer ${SECRET}` };
        const options = { protocol: SECRET, header, connectTimeout: 2 };
        await answerOf((callback) => ws.connect(url(server.port), options, callback));
        const [error] = await within(log.next("error"));
        assertEquals((error as BusinessError).code, 200);
        assertSecret(error);
      } finally {
        await server.close();
      }
    });
  }
});
