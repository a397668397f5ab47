// Nobody looks at what the calls answer: what is refused is printed, and ends nothing.
import webSocket from '@ohos.net.webSocket';

let ws: webSocket.WebSocket | null = webSocket.createWebSocket();
ws.send('too early');
ws.close();
ws.on('open', (err, value) => {
  console.log('open', value.status, value['message']);
  ws?.send('Hello');
});
ws.on('message', (err, value) => {
  console.log('message', value);
  ws?.close();
  ws?.close();
});
ws.on('close', (err, value) => {
  console.log('close', value.code, value.reason);
  ws?.off('open');
  ws = null;
});
ws.connect('ws://127.0.0.1:8080/');
ws.connect('ws://127.0.0.1:8080/');
