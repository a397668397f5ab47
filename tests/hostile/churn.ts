/** Connections that come and go, in rounds, and what is left of them. */

import { deadline } from "@std/async";
import { LIMIT_MS } from "../helpers/watched_server.ts";
import { openTcp, requestHead } from "../peers/raw.ts";
import type { Siege, Stats } from "./siege.ts";

/** A Close frame with 1000, masked with zeros. */
const CLOSE_1000 = Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 3, 0xe8);

/** How many connect at the same time: less than a listen queue holds. */
const AT_ONCE = 50;

/** Ways to leave: with a Close frame that is answered, with a FIN, with a RST. */
type Leave = "close" | "end" | "reset";

/** Connects, is let in, and leaves; settles when the connection is gone. */
async function comeAndGo(port: number, leave: Leave): Promise<void> {
  const socket = await openTcp(port);
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const welcomed = new Promise<void>((resolve, reject) => {
    let head = "";
    socket.on("data", (chunk) => {
      if (head.endsWith("\r\n\r\n")) return;
      head += chunk.toString("latin1");
      if (!head.startsWith("HTTP/1.1 101 ".slice(0, head.length))) reject(new Error(head));
      if (head.endsWith("\r\n\r\n")) resolve();
    });
    void gone.then(() => reject(new Error("it is gone before it was let in")));
  });
  socket.write(requestHead(port));
  await deadline(welcomed, LIMIT_MS);
  if (leave === "close") socket.write(CLOSE_1000);
  else if (leave === "end") socket.end();
  else socket.resetAndDestroy();
  await deadline(gone, LIMIT_MS);
}

/** One round: so many connections, of each way to leave in turn. Gives what is left. */
export async function round(siege: Siege, size: number): Promise<Stats> {
  const { closes } = await siege.stats();
  const ways: Leave[] = ["close", "end", "reset"];
  let begun = 0;
  const worker = async () => {
    while (begun < size) await comeAndGo(siege.port, ways[begun++ % ways.length]!);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, size) }, worker));
  return siege.until((stats) => stats.closes === closes + size);
}
