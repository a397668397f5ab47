/** The user and the password of a URL. Not part of the public API. */

import type { DialRequest } from "./contract.ts";

/**
 * Says a URL's user and password in the header that they become. Deno does so itself, but throws where what
 * is escaped in them is no UTF-8, or no escape (2.9.6, `client_quirks_test.ts`).
 */
export function withUserAsHeader(request: DialRequest): DialRequest {
  const url = new URL(request.url);
  if (url.username === "" && url.password === "") return request;
  const bytes = `${url.username}:${url.password}`.replace(
    /%([0-9a-f]{2})/gi,
    (_, byte) => String.fromCharCode(Number.parseInt(byte, 16)),
  );
  url.username = url.password = "";
  const authorization = `Basic ${btoa(bytes)}`;
  return { ...request, url: url.href, headers: { authorization, ...request.headers } };
}
