import { readFailure } from "./failures.ts";
import type { ClientEvents, ClientRuntime, ClientSocket, DialRequest } from "./mod.ts";
import type { Payload } from "../internal/payload.ts";

/** Any platform with the WHATWG's WebSocket and no more: browsers, and Node from 22 on. */
export function webClient(): ClientRuntime {
  return {
    name: "this platform",
    canPing: false,
    denied: () => undefined,
    unsupported,
    dial: (request, events) => new WebSocketOfTheWeb(request, events),
  };
}

/** What the WHATWG's WebSocket has no word for; a page's browser sees to all of it by itself. */
function unsupported(request: DialRequest): { option: string; why: string } | undefined {
  if (typeof WebSocket === "undefined") return { option: "connect", why: "it has no WebSocket" };
  const { headers, tls, proxy } = request;
  const asked: [option: string, given: boolean][] = [
    ["header", Object.keys(headers).length > 0],
    ["caPath", tls.ca !== undefined],
    ["clientCert", tls.identity !== undefined],
    ["skipServerCertVerification", tls.insecure],
    ["minSupportTlsProtocol", tls.minVersion > 0],
    ["proxy", proxy !== "system"],
  ];
  const option = asked.find(([, given]) => given)?.[0];
  return option === undefined ? undefined : { option, why: "its WebSocket takes no such option" };
}

class WebSocketOfTheWeb implements ClientSocket {
  /** A browser offers compression by itself and sees that no more than that is answered. */
  readonly extensions = "";
  readonly #ws: WebSocket;
  #failure: unknown;
  #over = false;

  constructor({ url, protocols }: DialRequest, events: ClientEvents) {
    const ws = this.#ws = new WebSocket(url, protocols);
    ws.binaryType = "arraybuffer";
    ws.onopen = () => events.open();
    ws.onmessage = ({ data }) => {
      if (!this.#over) events.message(data);
    };
    ws.onerror = (event) => {
      this.#failure = event;
    };
    ws.onclose = ({ code, reason }) => {
      if (this.#over) return;
      this.#over = true;
      const { message, error } = (this.#failure ?? {}) as ErrorEvent;
      events.closed(
        this.#failure === undefined
          ? { code, reason }
          : { code: 0, reason, failure: readFailure(message ?? "", error ?? message) },
      );
    };
  }

  get bufferedAmount(): number {
    return this.#ws.readyState === WebSocket.OPEN ? this.#ws.bufferedAmount : 0;
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  send(data: Payload): void {
    this.#ws.send(data as string | ArrayBuffer);
  }

  /** There is no way: `canPing` is false. */
  ping(): void {}

  /** Sends 1000 for a code that a page may not send. */
  close(code: number, reason: string): void {
    this.#ws.close(code === 1000 || code >= 3000 ? code : 1000, reason);
  }

  /** The nearest there is: the platform drops it when its own patience ends, and nobody is told. */
  terminate(): void {
    this.#over = true;
    this.#ws.close();
  }
}
