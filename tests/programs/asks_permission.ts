/** A client that may have to ask for permission: it prints what `connect` answers and what is told. */

import { createWebSocket } from "../../client.ts";

const ws = createWebSocket();
ws.on("error", ({ code }) => console.log(`error ${code}`));
const answer = await ws.connect("ws://127.0.0.1:9/").catch(({ code }) => code);
console.log(`answer ${answer}`);
