/** The errors of calls and events: what they are, and what they look like as JSON. */

import { BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { next, NOBODY, say } from "../helpers/event_log.ts";

const ws = createWebSocket();
const server = createWebSocketServer();

function look(what: string, error: unknown) {
  if (!(error instanceof BusinessError)) return say(`${what} is none:`, error);
  say(what, Object.keys(error), error.name, error instanceof Error, error.cause instanceof Error);
  say(`  ${JSON.stringify(error)}`);
  say(`  ${error}`);
  say("  spread:", { ...error });
  say("  stack:", String(error.stack).includes(error.message), typeof error.code);
}

look("send while idle", await ws.send("?").catch((error) => error));
look("close while idle", await ws.close().catch((error) => error));
look("a wrong argument", await ws.connect(5 as unknown as string).catch((error) => error));
look("a wrong URL", await ws.connect("http://x/").catch((error) => error));
const wrong = await ws.connect(NOBODY, { caPath: "/nowhere/ca.pem" }).catch((error) => error);
look("a missing file", wrong);
look("an empty host", await ws.connect("ws://").catch((error) => error));
const told = next(ws, "error");
await ws.connect(NOBODY);
look("'error' of an empty host or a refusal", await told);
look("'error' of a refusal", await ws.closed.catch((error) => error));
look("stop", await server.stop().catch((error) => error));
look("start", await server.start({ serverPort: -1 }).catch((error) => error));
const nowhere = { clientIP: "127.0.0.1", clientPort: 1 };
look("send to nobody", await server.send("?", nowhere).catch((error) => error));
ws.send("?", (error, ok) => look(`called back with ${ok}`, error));
look("made by hand", new BusinessError(7, "made by hand", { data: "data", cause: 5 }));
try {
  ws.on("open", 5 as unknown as () => void);
} catch (error) {
  look("thrown by on", error);
}
