// A new object for each reconnection, asked for by 'error' and by 'close' alike, with the old one forgotten.
import webSocket from '@ohos.net.webSocket';
import { BusinessError } from '@ohos.base';

class Service {
  private ws: webSocket.WebSocket | null = null;
  private reconnectTimer: number = -1;
  private attempts: number = 0;

  connect(): void {
    this.attempts += 1;
    console.log(`attempt ${this.attempts}`);
    this.ws = webSocket.createWebSocket();
    this.ws.on('open', () => {
      console.log('open');
      this.ws?.send('Hello');
    });
    this.ws.on('message', (err: BusinessError, value: string | ArrayBuffer) => {
      console.log(`message: ${value}`);
      this.ws?.close({ code: 1000, reason: 'done' });
    });
    this.ws.on('error', (err: BusinessError) => {
      console.log(`error: ${err.code}`);
      this.reconnect();
    });
    this.ws.on('close', (err: BusinessError, value: webSocket.CloseResult) => {
      console.log(`close: ${value.code} ${value.reason}`);
      this.ws = null;
      if (value.code !== 1000) this.reconnect();
    });
    this.ws.connect('ws://127.0.0.1:8080/').catch((err: BusinessError) => {
      console.log(JSON.stringify(err));
    });
  }

  // A lost connection asks for it twice.
  private reconnect(): void {
    if (this.reconnectTimer !== -1) return;
    this.reconnectTimer = setTimeout(() => {
      this.reconnectTimer = -1;
      this.connect();
    }, 20);
  }
}

new Service().connect();
