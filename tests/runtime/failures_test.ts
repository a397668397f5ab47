/**
 * The runtimes' words for what went wrong, and ours: each phrase of `runtime/failures.ts` is made
 * happen, and read the same on both.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createServer } from "node:net";
import { createWebSocket } from "../../client.ts";
import type { BusinessError } from "../../errors.ts";
import { readFailure } from "../../runtime/failures.ts";
import { onDeno } from "../helpers/programs.ts";
import { acceptHead, RawServer } from "../peers/raw.ts";

interface Failed {
  /** What follows the opening words of the 'error'. */
  what: string;
  data: unknown;
  /** What the runtime said. */
  said: string;
}

/** Connects to what must fail; a handshake that is none of a failure ends the test. */
async function fail(url: string, options: object = {}): Promise<Failed> {
  const ws = createWebSocket();
  const failed = new Promise<BusinessError>((resolve, reject) => {
    ws.on("error", resolve);
    ws.on("open", () => {
      void ws.close();
      reject(new Error("it is open"));
    });
  });
  await ws.connect(url, { connectTimeout: 4, ...options });
  const error = await deadline(failed, 30_000);
  assertEquals(error.code, 200);
  const cause = error.cause as Error;
  return {
    what: error.message.replace("Websocket connect failed: ", ""),
    data: error.data,
    said: String((cause.cause as Error | undefined)?.message ?? cause.cause ?? ""),
  };
}

async function failAt(
  answer: (request: string) => string,
  options: object = {},
): Promise<Failed> {
  const server = await RawServer.listen({ answer });
  try {
    return await fail(server.url, options);
  } finally {
    await server.close();
  }
}

describe("a handshake that fails", () => {
  it("tells of it however long the URL is, and takes no word in that for a reason", async () => {
    const [refused, reset] = [
      "the server answered with HTTP status 401",
      "the connection was reset",
    ];
    const answers = [["HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", refused], [
      "",
      reset,
    ]] as const;
    const paths = [`?token=${"x".repeat(2000)}`, "extension/certificate/parse", "a'%20failed:"];
    for (const [answer, wanted] of answers) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => void socket.end(answer));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as { port: number };
      for (const path of paths) {
        const { what, data } = await fail(`ws://127.0.0.1:${port}/${path}`);
        assertEquals([what, data], [wanted, answer === "" ? "0" : "401"], path.slice(0, 20));
      }
      await new Promise((resolve) => server.close(resolve));
    }
  });

  for (const status of [200, 302, 401, 404, 426, 503]) {
    it(`tells of HTTP status ${status}`, async () => {
      const { what, data } = await failAt(() =>
        `HTTP/1.1 ${status} Whatever\r\ncontent-length: 0\r\n\r\n`
      );
      assertEquals([what, data], [`the server answered with HTTP status ${status}`, `${status}`]);
    });
  }

  it("tells of a connection refused", async () => {
    const server = await RawServer.listen();
    await server.close();
    const { what, data } = await fail(server.url);
    assertEquals([what, data], ["connection refused", "0"]);
  });

  it("tells of a host name that is not found", async () => {
    const { what, data } = await fail("ws://no-such-host.invalid/");
    assertEquals([what, data], ["the host name was not found", "0"]);
  });

  it("tells of a connection that ends or is reset before the answer", async () => {
    for (const how of ["end", "resetAndDestroy"] as const) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket[how]());
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const { port } = server.address() as { port: number };
        const { what, data } = await fail(`ws://127.0.0.1:${port}/`);
        assertEquals([what, data], ["the connection was reset", "0"], how);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });

  it("tells of a server that speaks no HTTP", async () => {
    const { what } = await failAt(() => "220 mail.example.com ESMTP\r\n\r\n");
    assertEquals(what, "the server does not speak HTTP");
  });

  it("tells of an answer that upgrades nothing", async () => {
    const { what } = await failAt((head) => acceptHead(head).replace(/^Upgrade:.*\r\n/m, ""));
    assertEquals(what, "the server did not upgrade the connection");
  });

  it("tells of a subprotocol that was not offered, in the same words on both", async () => {
    for (const options of [{}, { protocol: "chat" }]) {
      const { what } = await failAt(
        (head) => acceptHead(head, ["Sec-WebSocket-Protocol: other"]),
        options,
      );
      assertEquals(what, "the server's subprotocol is none that was offered");
    }
    const { what } = await failAt((head) => acceptHead(head), { protocol: "chat" });
    assertEquals(what, "the server's subprotocol is none that was offered");
  });

  it("tells of an extension that was not offered, in the same words on both", async () => {
    const { what } = await failAt((head) => acceptHead(head, ["Sec-WebSocket-Extensions: x-foo"]));
    assertEquals(what, "the server's extension was not offered");
  });

  it("tells of a TLS handshake with a server that speaks none", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as { port: number };
      const { what, data, said } = await fail(`wss://127.0.0.1:${port}/`);
      assertEquals([what, data], ["the TLS handshake failed", "0"], said);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("is not noticed on Deno where Sec-WebSocket-Accept is wrong: a known limit", async () => {
    const wrong = (head: string) =>
      acceptHead(head).replace(/^(Sec-WebSocket-Accept: ).*$/m, "$1AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    const result = await failAt(wrong).catch((error: Error) => error);
    if (onDeno) assertEquals((result as Error).message, "it is open");
    else assertEquals((result as Failed).what, "the server's Sec-WebSocket-Accept is wrong");
  });

  it("has the runtime's own words as the cause's cause", async () => {
    const { said } = await failAt(() => "HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n");
    assertMatch(said, /418/);
  });
});

describe("readFailure()", () => {
  it("has a phrase for what it does not know", () => {
    assertEquals(readFailure("something new", "why"), {
      what: "the connection failed",
      status: "0",
      cause: "why",
    });
  });

  it("tells a proxy's status from a server's", () => {
    const read = (text: string) => readFailure(text, undefined);
    for (const text of ["Proxy answered: 407", "Proxy connect failed: 407 Denied"]) {
      const { what, status } = read(text);
      assertEquals([what, status], ["the proxy answered with HTTP status 407", "407"]);
    }
  });

  it("knows Deno's words for what a proxy has answered to CONNECT", () => {
    for (
      const [text, ...told] of [
        ["proxy authentication required", "the proxy answered with HTTP status 407", "407"],
        ["unsuccessful tunnel", "the proxy answered with no tunnel", "0"],
        ["unexpected eof while tunneling", "the connection was reset", "0"],
        ["invalid host 'a..b': empty label found in FQDN", "the host name was not found", "0"],
      ] as const
    ) {
      const { what, status } = readFailure(text, undefined);
      assertEquals([what, status], told);
    }
  });

  it("looks at the first 1000 characters of what a peer may have written, and no more", () => {
    const words = "ECONNREFUSED";
    const what = (spaces: number) => readFailure(" ".repeat(spaces) + words, undefined).what;
    assertEquals(what(1000 - words.length), "connection refused");
    assertEquals(what(1001 - words.length), "the connection failed");
  });
});
