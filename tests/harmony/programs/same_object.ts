// The same object for each reconnection, and its listeners added each time.
import webSocket from '@ohos.net.webSocket';
import { BusinessError } from '@ohos.base';

class Base {
  protected tag(): string {
    return 'base';
  }
}

class Client extends Base {
  private ws = webSocket.createWebSocket();
  private isReconnecting: boolean = false;

  // ArkTS asks for no `override`.
  protected tag(): string {
    return 'client';
  }

  connect(): void {
    this.isReconnecting = false;
    this.ws.on('open', (err: BusinessError, value: Object) => {
      console.log(`${this.tag()} open`);
      this.ws.send('Hello');
    });
    this.ws.on('message', (err: BusinessError, value: string | ArrayBuffer) => {
      console.log(`${this.tag()} message: ${value}`);
      this.ws.close();
    });
    this.ws.on('close', (err: BusinessError, value: webSocket.CloseResult) => {
      console.log(`${this.tag()} close: ${value.code}`);
      if (value.code !== 1000) this.reconnect();
    });
    this.ws.on('error', (err: BusinessError) => {
      console.log(`${this.tag()} error: ${err.code}`);
      this.reconnect();
    });
    this.ws.connect('ws://127.0.0.1:8080/', (err: BusinessError, value: boolean) => {
      console.log(`${this.tag()} connect: ${err ? JSON.stringify(err) : value}`);
    });
  }

  private reconnect(): void {
    if (this.isReconnecting) return;
    this.isReconnecting = true;
    setTimeout(() => this.connect(), 20);
  }
}

new Client().connect();
