import type { RefusalReason } from "../errors.ts";
import { quote } from "../internal/describe.ts";
import { isToken } from "../internal/validate.ts";

/** Why a request is answered instead of upgraded. */
export interface HandshakeFault {
  status: number;
  reason: RefusalReason;
  /** In a few words, for people. */
  why: string;
  headers?: Record<string, string>;
}

const INVALID = { reason: "invalid_handshake" } as const;

/** Whether a request asks for a WebSocket at all. */
export function isUpgrade(request: Request): boolean {
  return listed(request.headers.get("upgrade"), "websocket");
}

/**
 * What is wrong with a client's handshake, if anything is (RFC 6455 §4.2.1). The runtimes accept some
 * of these handshakes, and not the same ones. Its Host is looked at before (`server/http.ts`).
 */
export function handshakeFault({ method, headers }: Request): HandshakeFault | undefined {
  if (method !== "GET") {
    return {
      ...INVALID,
      status: 405,
      why: `the method is ${quote(method)}`,
      headers: { allow: "GET" },
    };
  }
  const connection = headers.get("connection");
  if (connection !== "Upgrade" && !listed(connection, "upgrade")) {
    return { ...INVALID, status: 400, why: "Connection does not say Upgrade" };
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return {
      ...INVALID,
      status: 426,
      why: "Sec-WebSocket-Version is not 13",
      headers: { "sec-websocket-version": "13" },
    };
  }
  if (!/^[+/0-9A-Za-z]{21}[AQgw]==$/.test(headers.get("sec-websocket-key") ?? "")) {
    return { ...INVALID, status: 400, why: "Sec-WebSocket-Key is not 16 bytes in Base64" };
  }
  if (!isListOfTokens(headers.get("sec-websocket-protocol"))) {
    return { ...INVALID, status: 400, why: "Sec-WebSocket-Protocol is no list of tokens" };
  }
  return undefined;
}

/** Whether all items of a list are tokens. Empty ones do not count (RFC 9110 §5.6.1). */
function isListOfTokens(header: string | null): boolean {
  if (header === null || isToken(header)) return true; // as most have it
  return header.split(",").every((item) => item.trim() === "" || isToken(item.trim()));
}

function listed(header: string | null, token: string): boolean {
  if (header === null) return false;
  if (header === token) return true; // as most have it: to lower it takes longer
  return header.toLowerCase().split(",").some((item) => item.trim() === token);
}
