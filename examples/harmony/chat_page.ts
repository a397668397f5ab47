/**
 * A chat page as HarmonyOS' guide names one for its sample, without its looks: it connects, sends,
 * receives, disconnects, and connects again, and adds its listeners each time. The last listener of an
 * event counts, as on the device, so that each toast comes once. Start `server.ts` beside it first.
 *
 *     deno run --allow-net examples/harmony/chat_page.ts
 *     bun examples/harmony/chat_page.ts
 *
 * The kits' names lead to `@netkit/websocket/harmony`, and two others to `kits.ts`, by `deno.json` on
 * Deno and by `tsconfig.json` on Bun.
 */

import webSocket from '@ohos.net.webSocket';
import { BusinessError } from '@ohos.base';
import { promptAction } from '@kit.ArkUI';
import { hilog } from '@kit.PerformanceAnalysisKit';

const TAG: string = 'ChatPage';

class ChatData {
  message: string;
  isServer: boolean;

  constructor(message: string, isServer: boolean) {
    this.message = message;
    this.isServer = isServer;
  }
}

class ChatPage {
  private ws: webSocket.WebSocket = webSocket.createWebSocket();
  private address: string = 'ws://127.0.0.1:8080';
  private heartbeat: number = -1;
  connected: boolean = false;
  chats: ChatData[] = [];

  /** What the button "connect" does. */
  connect(done: (isOpen: boolean) => void): void {
    this.ws.on('open', (err, value) => {
      hilog.info(0x0000, TAG, 'on open, status: %{public}d, message: %{public}s', value.status, value.message);
      promptAction.showToast({ message: 'connected, say something', duration: 1500 });
      this.heartbeat = setInterval(() => this.ws.send('ping'), 10000);
      this.connected = true;
      done(true);
    });
    this.ws.on('message', (err: BusinessError, value: string | ArrayBuffer) => {
      if (typeof value !== 'string') return;
      this.chats.push(new ChatData(value, true));
      promptAction.showToast({ message: value });
    });
    this.ws.on('close', (err: BusinessError, value: webSocket.CloseResult) => {
      clearInterval(this.heartbeat);
      this.connected = false;
      promptAction.showToast({ message: `disconnected, code is ${value.code}, reason is ${value.reason}` });
    });
    this.ws.on('error', (err: BusinessError) => {
      promptAction.showToast({ message: `error: ${JSON.stringify(err)}` });
      done(false);
    });
    this.ws.connect(this.address).then((value: boolean) => {
      hilog.info(0x0000, TAG, 'connect: %{public}s', value);
    }).catch((err: BusinessError) => {
      hilog.error(0x0000, TAG, 'connect failed: %{public}s', JSON.stringify(err));
    });
  }

  /** What the button "send" does. */
  send(message: string): void {
    this.ws.send(message, (err: BusinessError, value: boolean) => {
      if (!err) {
        this.chats.push(new ChatData(message, false));
        hilog.info(0x0000, TAG, 'send: %{public}s', value);
      } else {
        hilog.error(0x0000, TAG, 'send failed: %{public}s', JSON.stringify(err));
      }
    });
  }

  /** What the button "disconnect" does. */
  disconnect(): void {
    this.ws.close((err: BusinessError, value: boolean) => {
      if (!err) {
        hilog.info(0x0000, TAG, 'close: %{public}s', value);
      } else {
        hilog.error(0x0000, TAG, 'close failed: %{public}s', JSON.stringify(err));
      }
    });
  }

  /** Whether the server's last word is this one. */
  heard(message: string): boolean {
    const last = this.chats[this.chats.length - 1];
    return last !== undefined && last.isServer && last.message === message;
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The person before the page: a word, and the answer is waited for; twice, the page being the same. */
const page = new ChatPage();
for (const word of ['Hello', 'Hello again']) {
  if (!await new Promise<boolean>((resolve) => page.connect(resolve))) break;
  page.send(word);
  while (!page.heard(`You said: ${word}`)) await sleep(20);
  page.disconnect();
  while (page.connected) await sleep(20);
}
hilog.info(0x0000, TAG, '%{public}d lines', page.chats.length);
page.send('too late');
