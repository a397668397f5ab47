/** Requests and their answers, as they go over the wire. */

import { deadline } from "@std/async";
import { openTcp, type RawClientOptions, requestHead } from "../peers/raw.ts";
import { LIMIT_MS } from "./watched_server.ts";

/** An answer. */
export interface HttpAnswer {
  status: number;
  head: string;
  body: string;
}

/** Asks for an upgrade, and reads the whole of the answer. */
export async function exchange(
  port: number,
  options: RawClientOptions & { body?: string } = {},
): Promise<HttpAnswer> {
  const socket = await deadline(openTcp(port, options), LIMIT_MS);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  try {
    const answered = new Promise<HttpAnswer>((resolve, reject) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        const answer = read(text);
        if (answer !== undefined) resolve(answer);
      });
      socket.once("close", () => reject(new Error(`it ended after ${JSON.stringify(text)}`)));
    });
    socket.write(requestHead(port, options) + (options.body ?? ""));
    return await deadline(answered, LIMIT_MS);
  } finally {
    socket.destroy();
    await deadline(closed, LIMIT_MS);
  }
}

/** Asks for a page, as a browser's address bar would. */
export function ask(
  port: number,
  options: RawClientOptions & { body?: string } = {},
): Promise<HttpAnswer> {
  const { body } = options;
  const headers = {
    connection: "close",
    upgrade: undefined,
    "sec-websocket-version": undefined,
    "sec-websocket-key": undefined,
    ...(body === undefined ? {} : { "content-length": `${body.length}` }),
    ...options.headers,
  };
  return exchange(port, { ...options, headers });
}

/** The answer, once it is complete. */
function read(text: string): HttpAnswer | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const rest = text.slice(end + 4);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
  if (/^transfer-encoding: *chunked/im.test(head)) {
    if (!rest.endsWith("0\r\n\r\n")) return undefined;
    const body = rest.replace(/[0-9a-f]+\r\n([^]*?)\r\n/gi, "$1").replace(/\r\n$/, "");
    return { status, head, body };
  }
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  return rest.length < length ? undefined : { status, head, body: rest.slice(0, length) };
}
