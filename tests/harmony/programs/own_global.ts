// A WebSocket of the program's own in the global's place, as engines of games have one.
import webSocket from '@ohos.net.webSocket';

class DeviceWebSocket {
  onopen: ((event: { type: string }) => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  private ws = webSocket.createWebSocket();

  constructor(url: string) {
    this.ws.on('open', () => this.onopen?.({ type: 'open' }));
    this.ws.on('message', (err, data) => this.onmessage?.({ data }));
    this.ws.on('close', (err, { code, reason }) => this.onclose?.({ code, reason }));
    this.ws.on('error', (err) => this.onerror?.({ message: err.message }));
    this.ws.connect(url);
  }

  send(data: string | ArrayBuffer): void {
    this.ws.send(data);
  }

  close(code?: number, reason?: string): void {
    this.ws.close({ code, reason });
  }
}

Object.assign(globalThis, { WebSocket: DeviceWebSocket });

const socket = new WebSocket('ws://127.0.0.1:8080/');
socket.onopen = () => {
  console.log('open');
  socket.send('Hello');
};
socket.onmessage = ({ data }) => {
  console.log(`message: ${data}`);
  socket.close(1000, 'done');
};
socket.onclose = ({ code, reason }) => console.log(`close: ${code} ${reason}`);
