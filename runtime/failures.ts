import { withoutSecrets } from "../internal/describe.ts";
import type { Failure } from "./contract.ts";

/**
 * The runtimes' words for what went wrong, and ours. The first that matches counts. They were seen on
 * Deno 2.9.6 and Bun 1.4.5: `failure_words_quirks_test.ts` pins them, and `failures_test.ts` tests what
 * becomes of them. "h2 alpn" is any refused `wss` handshake on Deno (`tls_quirks_test.ts`).
 */
const PHRASES: readonly [RegExp, string, status?: string][] = [
  [/status code: (\d{3})/, "the server answered with HTTP status $1"],
  [/Proxy \D+: (\d{3})/, "the proxy answered with HTTP status $1"],
  [/proxy authentication required/, "the proxy answered with HTTP status $1", "407"],
  [/unsuccessful tunnel/, "the proxy answered with no tunnel"],
  [/ECONNREFUSED|tcp connect error|connection refused/i, "connection refused"],
  [/ENOTFOUND|dns error|failed to lookup|invalid host/i, "the host name was not found"],
  [
    /certificate|CERT_|UNABLE_TO_VERIFY|SELF_SIGNED|tls|ssl|h2 alpn|corrupt message/i,
    "the TLS handshake failed",
  ],
  [/client protocol/i, "the server's subprotocol is none that was offered"],
  [/extension/i, "the server's extension was not offered"],
  [/accept header/i, "the server's Sec-WebSocket-Accept is wrong"],
  [/upgrade header|connection header/i, "the server did not upgrade the connection"],
  [/HPE_|invalid HTTP|parse/i, "the server does not speak HTTP"],
  [
    /ECONNRESET|closed before message|connection error|reset|eof while tunneling/i,
    "the connection was reset",
  ],
];

/** How much is looked at of what a runtime said: a peer or a proxy may have written it. */
const MAX_TEXT = 1000;

/** What Bun begins with (1.4.5, `failures_test.ts`). A URL says nothing of a failure, and may be long. */
const URL_FIRST = /^WebSocket connection to '[^ ]*' failed: /;

/** Says why a handshake failed, in words that are the same on every runtime. */
export function readFailure(text: string, said: unknown): Failure {
  const cause = withoutSecrets(said);
  const start = text.replace(URL_FIRST, "").slice(0, MAX_TEXT);
  for (const [pattern, phrase, known = "0"] of PHRASES) {
    const match = pattern.exec(start);
    if (match) {
      const status = match[1] ?? known;
      return { what: phrase.replace("$1", status), status, cause };
    }
  }
  return { what: "the connection failed", status: "0", cause };
}
