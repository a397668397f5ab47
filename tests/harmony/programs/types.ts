// The types that the device declares.
import webSocket from '@ohos.net.webSocket';
import { webSocket as kit } from '@kit.NetworkKit';
import { AsyncCallback, BusinessError, Callback, ErrorCallback } from '@ohos.base';

const version: webSocket.TlsProtocol.TLS_V_1_2 = webSocket.TlsProtocol.TLS_V_1_2;
const any: kit.TlsProtocol = version;
const client: kit.WebSocket = webSocket.createWebSocket();
const options: webSocket.WebSocketRequestOptions = {
  header: 'test header',
  minSupportTlsProtocol: any,
  supportOriginPort: true,
  skipServerCertVerification: undefined,
  protocol: undefined,
};
const closing: webSocket.WebSocketCloseOptions = { code: 1, reason: undefined };
const detailed: AsyncCallback<string, number> = (err: BusinessError<number>, data: string) => {
  const detail: number | undefined = err.data;
  console.log(err.code, detail, data);
};
const failed: ErrorCallback<Error> = (err: Error) => console.log(err.name);
const told: Callback<webSocket.WebSocketConnection> = (connection) => console.log(connection.clientPort);
const left: webSocket.ClientConnectionCloseCallback = (connection, { code, reason }) => {
  console.log(connection.clientIP, code, reason);
};
const info: AsyncCallback<webSocket.WebSocketOpenInfo> = (err, value) => console.log(value?.protocol);
const proxy: webSocket.ProxyConfiguration = 'no-proxy';
const own: webSocket.HttpProxy = { host: 'proxy', port: 1, exclusionList: [] };
const cert: webSocket.ClientCert = { certPath: '', keyPath: '' };
const headers: webSocket.ResponseHeaders = { 'set-cookie': ['a=1'] };
const config: webSocket.WebSocketServerConfig = {
  serverPort: 1,
  maxConcurrentClientsNumber: 10,
  maxConnectionsForOneClient: 10,
  serverCert: cert as webSocket.ServerCert,
};

const literal: webSocket.WebSocketConnection = { clientIP: '1.1.1.1', clientPort: 8888 };
const message: webSocket.WebSocketMessage = { clientConnection: literal, data: 'Hello' };

client.on('openInfo', info);
client.on('headerReceive', (data) => console.log(data['set-cookie']));
client.on('error', failed);
client.on('error', (err) => console.log(err.code)); // not possibly undefined
client.on('close', (err, value) => console.log(err.code, value.code));
client.on('message', (err: BusinessError<void> | null, value: string | ArrayBuffer | undefined) => {});
client.off('message');
client.connect('ws://', options, (err: BusinessError, value: Object) => console.log(err.code, value));
client.close(closing).catch((err: BusinessError) => console.log(err.code));
client.send(new Uint8Array(1).buffer).catch((err) => console.log((err as BusinessError).code));
const server = webSocket.createWebSocketServer();
server.on('connect', told);
server.on('close', left);
server.off('connect', told);
console.log(detailed, proxy, own, headers, message.data, config.serverPort, new BusinessError<number>(1, 'a') instanceof BusinessError);
