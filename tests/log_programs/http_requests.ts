/** Requests to a server's port that are no handshake, or a broken one. */

import { createWebSocketServer } from "../../mod.ts";
import { listen, say, watchServer } from "../helpers/event_log.ts";
import { header, type RawClientOptions, rawHandshake } from "../peers/raw.ts";

const broken: Record<string, RawClientOptions> = {
  "no Upgrade": { headers: { upgrade: undefined } },
  "another Upgrade": { headers: { upgrade: "h2c" } },
  "no Connection": { headers: { connection: "close" } },
  "no version": { headers: { "sec-websocket-version": undefined } },
  "version 8": { headers: { "sec-websocket-version": "8" } },
  "no key": { headers: { "sec-websocket-key": undefined } },
  "a short key": { headers: { "sec-websocket-key": "AAAA" } },
  "POST": { line: "POST / HTTP/1.1" },
  "an origin of another host": { headers: { origin: "https://evil.example" } },
  "origin null": { headers: { origin: "null" } },
  "the same origin": { headers: { origin: "http://127.0.0.1:1234" } },
};

for (const fetch of [undefined, ({ url }: Request) => new Response(new URL(url).pathname)]) {
  say(`-- ${fetch === undefined ? "no fetch" : "with fetch"}`);
  const server = watchServer(createWebSocketServer());
  const url = await listen(server, fetch === undefined ? {} : { fetch });
  for (const [what, options] of Object.entries(broken)) {
    const { status, peer } = await rawHandshake(Number(new URL(url).port), options);
    const names = ["upgrade", "allow", "sec-websocket-version", "retry-after"];
    say(`${what}:`, status, names.map((name) => header(peer.head, name)));
    if (status === 101) {
      const left = new Promise((resolve) => server.on("close", resolve));
      peer.close(1000);
      await left;
    }
    peer.socket.destroy();
  }
  const response = await globalThis.fetch(url.replace("ws", "http") + "page");
  say("fetch:", response.status, await response.text());
  say("stop:", await server.stop());
}
