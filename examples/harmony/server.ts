/**
 * The chat page's server, written for HarmonyOS as well: it says again what it is told, and stops when
 * two clients have left. Start `chat_page.ts` beside it.
 *
 *     deno run --allow-net examples/harmony/server.ts
 *     bun examples/harmony/server.ts
 */

import { webSocket } from '@kit.NetworkKit';
import { BusinessError } from '@kit.BasicServicesKit';

const server: webSocket.WebSocketServer = webSocket.createWebSocketServer();
let left: number = 0;

server.on('connect', (connection: webSocket.WebSocketConnection) => {
  console.info(`${connection.clientIP}:${connection.clientPort} is here`);
});

server.on('messageReceive', (message: webSocket.WebSocketMessage) => {
  server.send(`You said: ${message.data}`, message.clientConnection).catch((err: BusinessError) => {
    console.error(`send failed: ${JSON.stringify(err)}`);
  });
});

server.on('close', (connection: webSocket.WebSocketConnection, reason: webSocket.CloseResult) => {
  console.info(`${connection.clientIP}:${connection.clientPort} has left: ${reason.code} ${reason.reason}`);
  left += 1;
  if (left === 2) server.stop();
});

server.start({
  serverIP: '127.0.0.1',
  serverPort: 8080,
  maxConcurrentClientsNumber: 10,
  maxConnectionsForOneClient: 10,
}).then((success: boolean) => {
  console.info(`start: ${success}`);
}).catch((err: BusinessError) => {
  console.error(`start failed: ${JSON.stringify(err)}`);
});
