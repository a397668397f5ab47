/** Starts a server where the runtime does not permit it. */

import { type BusinessError, createWebSocketServer } from "../../mod.ts";

await createWebSocketServer().start({ serverPort: 0, serverIP: "127.0.0.1" }).then(
  () => console.log("started"),
  ({ code, message }: BusinessError) => console.log(code, message.split(":")[0]),
);
