/**
 * The runtime's own WebSocket is asked how much is queued after it was dropped:
 * `dropped_amount.ts PORT`. Our module is not in it.
 */

import process from "node:process";
import { dial, drop, opened } from "../runtime/bare.ts";

const { ws } = dial(`ws://127.0.0.1:${process.argv[2]}/`);
await opened(ws);
drop(ws);
console.log(`queued ${ws.bufferedAmount}`);
process.exit(0);
