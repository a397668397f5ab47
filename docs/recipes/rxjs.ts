/** An rxjs subject over our class. It fails where the connection is lost: `retry` of rxjs makes another. */

import { webSocketClass } from "@netkit/websocket/standard";
import { webSocket, type WebSocketSubject } from "rxjs/webSocket";

/** A subject of JSON values. */
export function subject<T>(url: string): WebSocketSubject<T> {
  return webSocket<T>({ url, WebSocketCtor: webSocketClass({ pingInterval: 5 }) });
}
