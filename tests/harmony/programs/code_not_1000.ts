// Any code but 1000 is the sign to connect again.
import { webSocket } from '@kit.NetworkKit';

const ws = webSocket.createWebSocket();
const words = ['close 1011 overloaded', 'close 3001 moved', 'close 1000 bye'];

ws.on('open', () => {
  const word = words.shift() as string;
  console.log(`say: ${word}`);
  ws.send(word);
});
ws.on('close', (err, result) => {
  console.log(`close: ${result.code} ${result.reason}`);
  if (result.code !== 1000) ws.connect('ws://127.0.0.1:8080/');
});
ws.on('error', (err) => console.log(`error: ${JSON.stringify(err)}`));
ws.connect('ws://127.0.0.1:8080/');
