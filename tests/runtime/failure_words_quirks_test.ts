/**
 * What the runtimes' own WebSocket says of a handshake that fails, without our module: Deno 2.9.6 and
 * Bun 1.4.5 say it in words alone, which `runtime/failures.ts` knows. Where one of these turns red
 * after an upgrade, its phrases must change; `failures_test.ts` has what the module makes of them.
 */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno } from "../helpers/programs.ts";
import { REFUSED_URL, TcpServer } from "../helpers/tcp.ts";
import { acceptHead, RawServer } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";
import { dial } from "./bare.ts";

const deno = (globalThis as unknown as {
  Deno: { createHttpClient(options: object): { close(): void } };
}).Deno;

/** What is said in the 'error' event, without what goes before it, and the code of the error. */
async function said(url: string, init: object = {}): Promise<string> {
  const { ws, log, over } = dial(url, init);
  let code: unknown;
  ws.addEventListener("error", (event) => {
    code = (event as ErrorEvent).error?.code;
  });
  await deadline(over, 30_000);
  // The close code says nothing, on both.
  assertEquals(log.at(-1), `close ${onDeno ? 0 : 1006}  false`);
  const text = log[0]!.replace(
    /^error (.*? failed|NetworkError: failed to connect to WebSocket): /,
    "",
  );
  return typeof code === "string" ? `${text} (${code})` : text;
}

const head = (change: (head: string) => string) => (request: string) => change(acceptHead(request));
const answers: [what: string, answer: (request: string) => string, deno: string, bun: string][] = [
  [
    "an HTTP status",
    () => "HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n",
    "Invalid status code: 401",
    "Expected 101 status code: 401",
  ],
  [
    "no HTTP",
    () => "220 mail.example.com ESMTP\r\n\r\n",
    "invalid HTTP version parsed",
    "Invalid response (HPE_INVALID_CONSTANT)",
  ],
  [
    "no Upgrade",
    head((head) => head.replace(/^Upgrade:.*\r\n/m, "")),
    "Invalid upgrade header",
    "Missing upgrade header",
  ],
  [
    "no Connection",
    head((head) => head.replace(/^Connection:.*\r\n/m, "")),
    "Invalid connection header",
    "Missing connection header",
  ],
];

describe("the runtime's words for a handshake that is answered with", () => {
  for (const [what, answer, deno, bun] of answers) {
    it(`${what}: ${onDeno ? deno : bun}`, async () => {
      const server = await RawServer.listen({ answer });
      try {
        assertEquals(await said(server.url), onDeno ? deno : bun);
      } finally {
        await server.close();
      }
    });
  }

  // What Deno takes for a success, see `client_quirks_test.ts`, needs no words.
  const refused: [what: string, answer: (request: string) => string, init: object, bun: string][] =
    [
      [
        "another subprotocol",
        (request) => acceptHead(request, ["Sec-WebSocket-Protocol: other"]),
        { protocols: ["chat"] },
        "Mismatch client protocol",
      ],
      ["no subprotocol", acceptHead, { protocols: ["chat"] }, "Missing client protocol"],
      [
        "an extension",
        (request) => acceptHead(request, ["Sec-WebSocket-Extensions: x-foo"]),
        { perMessageDeflate: false },
        "Unsupported websocket extension",
      ],
      [
        "a wrong key",
        head((head) =>
          head.replace(/^(Sec-WebSocket-Accept: ).*$/m, "$1AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        ),
        {},
        "Mismatch websocket accept header",
      ],
      [
        "no key",
        head((head) => head.replace(/^Sec-WebSocket-Accept:.*\r\n/m, "")),
        {},
        "Missing websocket accept header",
      ],
    ];
  for (const [what, answer, init, bun] of refused) {
    it(`${what}: none on Deno, ${bun} on Bun`, async () => {
      const server = await RawServer.listen({ answer });
      try {
        if (!onDeno) return assertEquals(await said(server.url, init), bun);
        const { ws, log, over } = dial(server.url, init);
        ws.addEventListener("open", () => ws.close());
        await deadline(over, 30_000);
        assertEquals(log, ["open", "close 1005  true"]);
      } finally {
        await server.close();
      }
    });
  }
});

describe("the runtime's words for a connection that fails, where", () => {
  it("nobody listens", async () => {
    assertEquals(
      await said(REFUSED_URL),
      onDeno ? "tcp connect error" : "Failed to connect (ECONNREFUSED)",
    );
  });

  it("the host name is not found", async () => {
    assertEquals(
      await said("ws://no-such-host.invalid/"),
      onDeno ? "dns error" : "Failed to connect (ENOTFOUND)",
    );
  });

  const ends: [how: "end" | "resetAndDestroy", scheme: string, deno: string, bun: string][] = [
    ["end", "ws", "connection closed before message completed", "Connection ended (ECONNRESET)"],
    ["resetAndDestroy", "ws", "connection error", "Connection ended: read ECONNRESET (ECONNRESET)"],
    [
      "end",
      "wss",
      "tls handshake eof",
      "TLS handshake failed: Client network socket disconnected before secure TLS connection was " +
      "established (ECONNRESET)",
    ],
    [
      "resetAndDestroy",
      "wss",
      "Connection reset by peer (os error 104)",
      "Connection ended: read ECONNRESET (ECONNRESET)",
    ],
  ];
  for (const [how, scheme, deno, bun] of ends) {
    it(`the server ends it before its answer: ${how}, ${scheme}`, async () => {
      await using server = await TcpServer.listen((socket) => {
        socket.once("data", () => socket[how]());
      });
      assertEquals(await said(server.url.replace("ws:", `${scheme}:`)), onDeno ? deno : bun);
    });
  }

  for (const status of [407, 502]) {
    it(`a proxy answers ${status}`, async () => {
      await using proxy = await RecordingProxy.listen(
        status === 407 ? { credentials: "user:secret" } : { refuse: status },
      );
      const url = `http://127.0.0.1:${proxy.port}`;
      const client = onDeno ? deno.createHttpClient({ proxy: { url } }) : undefined;
      queueMicrotask(() => client?.close()); // the connection that has begun keeps it
      const words = await said(REFUSED_URL, onDeno ? { client } : { proxy: url });
      const bun = status === 407
        ? "Proxy authentication required: 407"
        : "Proxy connection failed: 502";
      assertEquals(words.slice(0, bun.length), onDeno ? `Invalid status code: ${status}` : bun);
    });
  }

  const tunnels: [status: number, deno: string, bun: string][] = [
    [407, "proxy authentication required", "Proxy authentication required: 407"],
    [502, "unsuccessful tunnel", "Proxy connection failed: 502"],
    [0, "unexpected eof while tunneling", "Connection ended (ECONNRESET)"],
  ];
  for (const [status, inDeno, inBun] of tunnels) {
    it(`a proxy answers CONNECT with ${status === 0 ? "nothing" : status}`, async () => {
      await using proxy = await TcpServer.listen((socket) => {
        const answer = status === 0 ? "" : `HTTP/1.1 ${status} No\r\n\r\n`;
        socket.once("data", () => socket.end(answer));
      });
      const url = proxy.url.replace("ws:", "http:");
      const client = onDeno ? deno.createHttpClient({ proxy: { url } }) : undefined;
      queueMicrotask(() => client?.close()); // the connection that has begun keeps it
      const secure = REFUSED_URL.replace("ws:", "wss:");
      const words = await said(secure, onDeno ? { client } : { proxy: url });
      const expected = onDeno ? inDeno : inBun;
      assertEquals(words.slice(0, expected.length), expected);
    });
  }

  it("the server speaks no TLS", async () => {
    await using server = await TcpServer.listen((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    assertEquals(
      await said(server.url.replace("ws:", "wss:")),
      onDeno
        ? "received corrupt message of type InvalidContentType"
        : "TLS handshake failed: error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER" +
          " (EPROTO)",
    );
  });
});
