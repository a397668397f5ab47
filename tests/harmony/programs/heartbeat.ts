// A heartbeat of the program's own, by setInterval, and listeners that are taken away by off(type).
import webSocket from '@ohos.net.webSocket';

let heartbeatTimer: number = 0;
let beats: number = 0;
const ws = webSocket.createWebSocket();

function startHeartbeat(): void {
  stopHeartbeat();
  heartbeatTimer = setInterval(() => {
    ws.send(JSON.stringify({ type: 'ping' })).catch((err) => console.log(JSON.stringify(err)));
  }, 20);
}

function stopHeartbeat(): void {
  if (heartbeatTimer > 0) clearInterval(heartbeatTimer);
  heartbeatTimer = 0;
}

ws.on('open', () => {
  console.log('open');
  startHeartbeat();
});
ws.on('message', (err, value) => {
  if (JSON.parse(value as string).type !== 'ping') return;
  console.log(`beat ${++beats}`);
  if (beats < 3) return;
  ws.off('message');
  ws.off('open');
  ws.close({ code: 1000, reason: 'three beats' });
});
ws.on('close', (err, value) => {
  stopHeartbeat();
  console.log(`close: ${value.reason}`);
  ws.off('close');
  ws.off('error');
});
ws.on('error', (err) => console.log(`error: ${JSON.stringify(err)}`));
ws.connect('ws://127.0.0.1:8080/', { pingInterval: 0 });
