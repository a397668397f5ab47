// A server as it is written for the device: listeners first, `start` last, and no promise looked after.
import { webSocket } from '@kit.NetworkKit';
import { BusinessError } from '@kit.BasicServicesKit';

const server: webSocket.WebSocketServer = webSocket.createWebSocketServer();
const users: Map<webSocket.WebSocketConnection, string> = new Map();

server.on('connect', (connection: webSocket.WebSocketConnection) => {
  console.log('replaced');
});
server.on('connect', (connection: webSocket.WebSocketConnection) => {
  users.set(connection, 'nobody');
  console.log(`connect: ${connection.clientIP}, ${users.size} here`);
});
server.on('messageReceive', async (message: webSocket.WebSocketMessage) => {
  if (message.data === 'bye') {
    server.close(message.clientConnection, { code: 1000, reason: 'bye' });
    return;
  }
  users.set(message.clientConnection, String(message.data));
  const all: webSocket.WebSocketConnection[] = await server.listAllConnections();
  all.forEach((one: webSocket.WebSocketConnection) => {
    server.send(`${message.data} is here`, { clientIP: one.clientIP, clientPort: one.clientPort });
  });
});
server.on('close', (connection: webSocket.WebSocketConnection, reason: webSocket.CloseResult) => {
  console.log(`close: ${users.get(connection)}, ${reason.code} ${reason.reason}`);
  users.delete(connection);
  if (users.size === 0) server.stop();
});
server.on('error', (err: BusinessError) => console.log(`error: ${JSON.stringify(err)}`));
server.stop();
server.start({
  serverIP: '',
  serverPort: 8080,
  serverCert: { certPath: '', keyPath: '' },
  maxConcurrentClientsNumber: 10,
  maxConnectionsForOneClient: 10,
}).then((success: boolean) => console.log(`start: ${success}`));
