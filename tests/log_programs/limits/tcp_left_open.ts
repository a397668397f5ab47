/** A server that says Close, or answers it, and leaves the TCP connection to the client. */

import { createWebSocket } from "../../../mod.ts";
import { say, sayAnswer, watchClient } from "../../helpers/event_log.ts";
import { Stopwatch } from "../../helpers/stopwatch.ts";
import { CLOSE, RawServer } from "../../peers/raw.ts";

const raw = await RawServer.listen({ answerClose: false });
const ws = watchClient(createWebSocket());

say("-- the server closes");
await ws.connect(raw.url);
let peer = await raw.accept();
await ws.opened;
let watch = new Stopwatch();
peer.close(4000, "bye");
await peer.next(CLOSE);
await new Promise((resolve) => setTimeout(resolve, 100));
await sayAnswer(`send while ${ws.state}`, ws.send("does anybody hear me?"));
await ws.closed;
say("at once:", watch.ms < 1500, "within 3 s:", watch.isLess(3000));

say("-- the client closes");
await ws.connect(raw.url);
peer = await raw.accept();
await ws.opened;
watch = new Stopwatch();
await ws.close({ code: 4001, reason: "bye" });
peer.send(CLOSE, (await peer.next(CLOSE)).payload);
await ws.closed;
say("at once:", watch.ms < 1500, "within 6 s:", watch.isLess(6000));
await raw.close();
