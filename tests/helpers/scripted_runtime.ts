/** Runtimes that do what a test tells them to, for what no real one does at will. */

import type { WebSocketData } from "../../client/types.ts";
import type {
  Acceptor,
  Admission,
  ClientEvents,
  ClientRuntime,
  ClientSocket,
  ControlEvents,
  DialRequest,
  ListenerEvents,
  ListenOptions,
  MountOptions,
  PortEvents,
  RequestResult,
  ServerRuntime,
  Socket,
  TcpListener,
} from "../../runtime/contract.ts";

/** The headers of a client's handshake. */
export const HANDSHAKE = {
  host: "localhost",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};

/** A socket that writes down what it is told. */
export class ScriptedSocket implements ClientSocket {
  readonly calls: string[] = [];
  bufferedAmount = 0;
  protocol = "";
  extensions = "";
  isEnding = false;

  send(): void {
    this.calls.push("send");
  }

  ping(): void {
    this.calls.push("ping");
  }

  close(code: number): void {
    this.calls.push(`close ${code}`);
  }

  /** What was queued is gone, as with a socket of either runtime. */
  terminate(): void {
    this.calls.push("terminate");
    this.bufferedAmount = 0;
  }
}

/** A socket that can stop reading. */
export class PausableSocket extends ScriptedSocket implements Socket {
  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }
}

/** A socket that can send Pings and Pongs with data, and tells of those that come. */
export class ControlSocket extends ScriptedSocket implements Socket {
  told: ControlEvents | undefined;

  giveControls(to: ControlEvents): void {
    this.told = to;
  }

  control(what: "ping" | "pong", data: Uint8Array): void {
    this.calls.push(`${what} ${new TextDecoder().decode(data)}`);
  }
}

/** A socket that takes part in topics. */
export class TopicSocket extends ScriptedSocket implements Socket {
  subscribe(topic: string): void {
    this.calls.push(`join ${topic}`);
  }

  unsubscribe(topic: string): void {
    this.calls.push(`leave ${topic}`);
  }

  publish(topic: string, data: WebSocketData): void {
    this.calls.push(`publish ${topic} ${data}`);
  }
}

/** A client's runtime, and what it was last given. */
export class ScriptedClient implements ClientRuntime {
  name = "the script";
  canPing = true;
  socket = new ScriptedSocket();
  events!: ClientEvents;
  /** What dialling throws, if anything. */
  fault: Error | undefined;
  /** What was dialled last. */
  request!: DialRequest;

  denied(): undefined {}
  unsupported(): undefined {}

  dial(request: DialRequest, events: ClientEvents): ClientSocket {
    this.request = request;
    if (this.fault !== undefined) throw this.fault;
    this.events = events;
    return this.socket = new ScriptedSocket();
  }
}

/** A server's runtime. `request` is a client's handshake. */
export class ScriptedServer implements ServerRuntime {
  readonly name = "the script";
  canPing = true;
  checksPayload = false;
  /** What listening throws, if anything. */
  refuses: Error | undefined;
  /** How long answers that are under way may take yet, in ms, as it was told to close. */
  closesWithin: number | undefined;
  /** What it was told to publish; nothing can be published where there is no list. */
  published: string[] | undefined;
  /** What it was last asked for. */
  asked: Partial<ListenOptions & MountOptions> = {};
  #events!: ListenerEvents;

  listen(asked: ListenOptions, events: ListenerEvents): TcpListener {
    this.asked = asked;
    if (this.refuses !== undefined) throw this.refuses;
    this.#events = events;
    const { published } = this;
    return {
      address: ADDRESS,
      ...(published && { publish: (topic, data) => void published.push(`${topic} ${data}`) }),
      close: (ms) => {
        this.closesWithin = ms;
        return Promise.resolve();
      },
    };
  }

  mount(asked: MountOptions, events: ListenerEvents): Acceptor {
    this.asked = asked;
    this.#events = events;
    const websocket = { message() {} };
    return {
      accept: () => new Response(),
      websocket,
      websocketWith: () => websocket,
      close: () => Promise.resolve(),
    };
  }

  fault(): "other" {
    return "other";
  }

  /** Shakes hands as a client does; gives what the server answers. */
  request(init: RequestInit = {}, port = 50_000): RequestResult | Promise<RequestResult> {
    return this.ask(new Request("http://localhost/", { headers: HANDSHAKE, ...init }), port);
  }

  /** Gives what the server answers to a request. */
  ask(request: Request, port = 50_000): RequestResult | Promise<RequestResult> {
    return this.#events.request(request, { hostname: "127.0.0.1", port });
  }

  /** Tells that an answer could not be sent to its end. */
  fail(cause: unknown): void {
    (this.#events as PortEvents).failed(cause);
  }

  /** Tells that the port was lost, for a moment. */
  lose(cause: unknown): void {
    (this.#events as PortEvents).lost(cause);
  }

  /** Shakes hands, and is let in. */
  enter(port?: number): Admission {
    return this.request({}, port) as Admission;
  }
}

const ADDRESS = { hostname: "127.0.0.1", port: 80 };
