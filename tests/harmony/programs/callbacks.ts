// Every call answers to a callback, and every error is printed with JSON.stringify.
import { webSocket, http } from '@kit.NetworkKit';
import { BusinessError, AsyncCallback, Callback, ErrorCallback } from '@kit.BasicServicesKit';

http.createHttp().destroy();
const ws = webSocket.createWebSocket();
const options: webSocket.WebSocketRequestOptions = {
  header: { name1: 'value1', Upgrade: 'WebSocket', Connection: 'Upgrade' },
  minSupportTlsProtocol: webSocket.TlsProtocol.TLS_V_1_2,
  caPath: '',
  clientCert: { certPath: '', keyPath: '', keyPassword: '' },
};

const sent: AsyncCallback<boolean> = (err: BusinessError, value: boolean) => {
  console.log(`sent: ${err ? JSON.stringify(err) : value}`);
};
const failed: ErrorCallback<BusinessError> = (err) => console.log(`on error: ${JSON.stringify(err)}`);
const ended: Callback<void> = () => console.log('on dataEnd');

ws.on('open', (err: BusinessError, value: Object) => {
  console.log(`on open: ${JSON.stringify(err)}, ${JSON.stringify(value)}`);
  ws.send('Hello', sent);
  ws.send(new Uint8Array([1, 2, 3]).buffer, sent);
});
ws.on('message', (err: BusinessError, value: string | ArrayBuffer) => {
  console.log(`on message: ${typeof value === 'string' ? value : new Uint8Array(value).join()}`);
  if (typeof value !== 'string') {
    ws.close((err: BusinessError, value: boolean) => {
      console.log(`closed: ${err ? JSON.stringify(err) : value}`);
    });
  }
});
ws.on('dataEnd', ended);
ws.on('error', failed);
ws.on('close', (err: BusinessError, value: webSocket.CloseResult) => {
  console.log(`on close: ${JSON.stringify(value)}`);
  ws.send('too late', sent);
  ws.close({ code: 1000, reason: 'again' }, (err: BusinessError) => {
    console.log(`closed again: ${JSON.stringify(err)}`);
  });
});
ws.connect('ws://127.0.0.1:8080/', options, (err: BusinessError, value: boolean) => {
  console.log(`connected: ${err ? JSON.stringify(err) : value}`);
  ws.connect('ws://127.0.0.1:8080/', (err: BusinessError) => {
    console.log(`connected twice: ${JSON.stringify(err)}`);
  });
});
