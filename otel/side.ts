/** What is measured of the connections of one side. Not part of the public API. */

import type { Clock } from "../heartbeat.ts";
import type { ClientHandshake, DropReason, ServerHandshake } from "../internal/observer.ts";
import { UNIX } from "../runtime/unix.ts";
import { type Instruments, instruments } from "./instruments.ts";
import type {
  OtelAttributes,
  OtelContext,
  OtelContexts,
  OtelLogger,
  OtelMeter,
  OtelPropagation,
  OtelSpan,
  OtelSpanContext,
  OtelTracer,
} from "./types.ts";

/** The kinds and the status of OpenTelemetry's API that are needed here. */
const SERVER = 1;
const CLIENT = 2;
const CONSUMER = 4;
const ERROR = 2;

/** What a context has its span by, for all copies of OpenTelemetry's API. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** The severities that are needed here. */
const INFO = 9;
const WARN = 13;

/** What is measured with, of the options. */
export interface Telemetry {
  meter: OtelMeter;
  tracer: OtelTracer | undefined;
  logger: OtelLogger | undefined;
  context: OtelContexts | undefined;
  propagation: OtelPropagation | undefined;
  clock: Clock;
  connectionSpans: boolean;
  messageSpans: boolean;
  /** What everything has. */
  attributes: OtelAttributes;
}

type Links = { context: OtelSpanContext }[];

/** A connection that is open. */
interface Open {
  since: number;
  span: OtelSpan | undefined;
  /** The span of its handshake, for links. */
  links: Links;
  /** The context with that span, for exemplars. */
  context: OtelContext | undefined;
  /** Who it is, for spans and events; never for metrics. */
  who: OtelAttributes;
  /** Why it was dropped, if it was. */
  error: OtelAttributes | undefined;
}

/** Measures the connections of one side. */
export class Side {
  readonly #telemetry: Telemetry;
  readonly #kind: number;
  readonly #instruments: Instruments;
  readonly #attributes: OtelAttributes;
  readonly #received: OtelAttributes;
  readonly #sent: OtelAttributes;
  readonly #open = new WeakMap<object, Open>();
  /** The spans of handshakes that are not decided. */
  readonly #shaking = new WeakMap<object, OtelSpan>();
  /** Of a client, the span of its last attempt. */
  readonly #attempts = new WeakMap<object, Links>();

  constructor(name: "server" | "client", telemetry: Telemetry) {
    const { attributes, meter } = telemetry;
    this.#telemetry = telemetry;
    this.#kind = name === "server" ? SERVER : CLIENT;
    this.#instruments = instruments(name, meter);
    this.#attributes = attributes;
    this.#received = { ...attributes, "network.io.direction": "receive" };
    this.#sent = { ...attributes, "network.io.direction": "transmit" };
  }

  /** A server's handshake begins. */
  asked(handshake: ServerHandshake): void {
    const { attributes, context: contexts, propagation, tracer } = this.#telemetry;
    if (tracer === undefined) return;
    const options = { kind: SERVER, attributes: { ...attributes, ...clientOf(handshake) } };
    // The runtime's own span of the request is the parent, where there is one.
    let context = contexts?.active();
    if (context !== undefined && context.getValue(SPAN) === undefined) {
      const { trace = {} } = handshake;
      context = propagation?.extract(context, trace as Record<string, string>, {
        get: (trace, name) => trace[name],
        keys: () => Object.keys(trace),
      });
    }
    this.#shaking.set(handshake, tracer.startSpan("websocket handshake", options, context));
  }

  /** A client begins an attempt. Its span is the server's parent, where the request can say so. */
  dialling(
    who: object,
    handshake: ClientHandshake,
    setHeader: ((name: string, value: string) => void) | undefined,
  ): void {
    const { span, active } = this.#begin(who, handshake);
    if (span !== undefined) this.#shaking.set(handshake, span);
    if (active === undefined || setHeader === undefined) return;
    const context = span?.spanContext === undefined ? active : active.setValue(SPAN, span);
    this.#telemetry.propagation?.inject(context, setHeader, {
      set: (set, name, value) => set(name, value),
    });
  }

  /** A client has given up an attempt, which says nothing of the server. */
  gaveUp(handshake: ClientHandshake): void {
    const span = this.#shaking.get(handshake);
    span?.setAttributes({ "error.type": "aborted" });
    span?.end();
  }

  /**
   * A handshake has ended, well or not. Gives its span, and a context with that.
   *
   * @param who Of a client's attempt, whose it is.
   */
  decided(
    handshake: ClientHandshake | ServerHandshake,
    who: object = handshake,
  ): { span?: OtelSpan; context?: OtelContext | undefined } {
    const { status, reason, duration } = handshake;
    // Where a client was answered with an HTTP status, that is the error's type, as for HTTP.
    const type = reason === "http_status" ? String(status) : reason;
    const result = {
      ...(status !== undefined && { "http.response.status_code": status }),
      ...(type !== undefined && { "error.type": type }),
    };
    const target = isClients(handshake) ? serverOf(handshake) : {};
    const attributes = { ...this.#attributes, ...target, ...result };
    const begun = this.#shaking.get(handshake);
    const context = begun && this.#root()?.setValue(SPAN, begun);
    this.#instruments.handshake.record(duration / 1000, attributes, context);
    const span = begun ?? this.#neverBegun(who, handshake);
    if (span === undefined) return {};
    span.setAttributes(result);
    // A server that refuses has done what it should, unless the fault is its own.
    const isFault = isClients(handshake) || status === 500;
    if (type !== undefined && isFault) span.setStatus({ code: ERROR, message: type });
    span.end();
    return { span, context };
  }

  opened(who: object, handshake: ClientHandshake | ServerHandshake): void {
    const { clock, connectionSpans, tracer } = this.#telemetry;
    const target = isClients(handshake) ? serverOf(handshake) : clientOf(handshake);
    // Counted first: a tracer may throw.
    const links: Open["links"] = [];
    const open: Open = {
      ...{ since: clock.now(), span: undefined, links, who: target, error: undefined },
      context: undefined,
    };
    this.#open.set(who, open);
    this.#instruments.active.add(1, this.#attributes);
    const { span, context } = this.decided(handshake);
    const shaken = span?.spanContext?.();
    if (shaken !== undefined) links.push({ context: shaken });
    open.context = context;
    this.#log("opened", INFO, target);
    if (!connectionSpans) return;
    open.span = tracer?.startSpan("websocket connection", {
      kind: this.#kind,
      attributes: { ...this.#attributes, ...target },
      root: true,
      links,
    });
  }

  /** Calls the listeners of a message, in a trace of their own. */
  handling(
    who: object,
    contexts: OtelContexts,
    run: () => Promise<unknown> | undefined,
  ): Promise<unknown> | undefined {
    const { attributes, messageSpans, tracer } = this.#telemetry;
    const root = this.#root()!;
    if (!messageSpans || tracer === undefined) {
      contexts.with(root, run);
      return undefined;
    }
    const open = this.#open.get(who);
    const span = tracer.startSpan("websocket message", {
      kind: CONSUMER,
      attributes: { ...attributes, ...open?.who },
      root: true,
      links: open?.links ?? [],
    });
    let atWork: Promise<unknown> | undefined;
    try {
      atWork = contexts.with(root.setValue(SPAN, span), run);
    } finally {
      if (atWork === undefined) span.end(); // also where that has thrown
    }
    return atWork?.finally(() => span.end());
  }

  dropped(who: object, why: DropReason): void {
    const error = { "error.type": why.replace(" ", "_") };
    const open = this.#open.get(who);
    if (open !== undefined) open.error = error;
    this.#instruments.dropped.add(1, { ...this.#attributes, ...error }, open?.context);
    open?.span?.setStatus({ code: ERROR, message: why });
    this.#log("dropped", WARN, { ...open?.who, ...error });
  }

  closed(who: object, { code, reason }: { code: number; reason: string }): void {
    const open = this.#open.get(who);
    if (open === undefined) return; // it was not counted: the meter has failed as it opened
    const { since, span, error } = open;
    this.#instruments.active.add(-1, this.#attributes);
    const seconds = (this.#telemetry.clock.now() - since) / 1000;
    this.#instruments.duration.record(seconds, {
      ...this.#attributes,
      "websocket.close.code": bounded(code),
      ...error,
    }, open.context);
    const end = { "websocket.close.code": code, "websocket.close.reason": reason, ...error };
    span?.setAttributes(end);
    span?.end();
    this.#log("closed", INFO, { ...open.who, ...end });
  }

  received(bytes: number): void {
    this.#instruments.messages.add(1, this.#received);
    this.#instruments.io.add(bytes, this.#received);
  }

  sent(bytes: number): void {
    this.#instruments.messages.add(1, this.#sent);
    this.#instruments.io.add(bytes, this.#sent);
  }

  ponged(who: object, ms: number): void {
    this.#instruments.ping.record(ms / 1000, this.#attributes, this.#open.get(who)?.context);
  }

  unsent(who: object, bytes: number): void {
    this.#instruments.unsent.add(bytes, this.#attributes, this.#open.get(who)?.context);
  }

  /** The context that is active, with no span in it. */
  #root(): OtelContext | undefined {
    return this.#telemetry.context?.active().deleteValue(SPAN);
  }

  /**
   * Begins the span of a client's attempt. What comes by itself is part of nothing that the program does
   * now: it is a trace of its own.
   */
  #begin(
    who: object,
    handshake: ClientHandshake,
  ): { span: OtelSpan | undefined; active: OtelContext | undefined } {
    const { attributes, context: contexts, tracer } = this.#telemetry;
    const isAgain = handshake.attempt !== undefined;
    const active = isAgain ? this.#root() : contexts?.active();
    const span = tracer?.startSpan("websocket handshake", {
      kind: CLIENT,
      attributes: { ...attributes, ...serverOf(handshake) },
      ...(isAgain && { root: true, links: this.#attempts.get(who) ?? [] }),
    }, active);
    const itself = span?.spanContext?.();
    if (itself !== undefined) this.#attempts.set(who, [{ context: itself }]);
    return { span, active };
  }

  /** The span of a client's attempt that came to nothing before there was something to dial. */
  #neverBegun(who: object, handshake: ClientHandshake | ServerHandshake): OtelSpan | undefined {
    if (!isClients(handshake) || handshake.scheme !== undefined) return undefined;
    return this.#begin(who, handshake).span;
  }

  #log(what: string, severityNumber: number, attributes: OtelAttributes): void {
    this.#telemetry.logger?.emit({
      eventName: `websocket.connection.${what}`,
      severityNumber,
      attributes: { ...this.#attributes, ...attributes },
    });
  }
}

/** Where a client has connected to. */
function serverOf({ scheme, host, port }: ClientHandshake): OtelAttributes {
  if (scheme === undefined) return {};
  return { "url.scheme": scheme, "server.address": host!, "server.port": port! };
}

/** Who has connected to a server, and by which proxy. */
function clientOf({ clientIP, clientPort, peerIP }: ServerHandshake): OtelAttributes {
  // Its port is a number that says which it was.
  if (peerIP === UNIX) return { "client.address": clientIP, "network.transport": "unix" };
  return {
    "client.address": clientIP,
    // Behind a proxy the port is the proxy's.
    ...(clientIP === peerIP && { "client.port": clientPort }),
    "network.peer.address": peerIP,
    "network.peer.port": clientPort,
  };
}

function isClients(handshake: ClientHandshake | ServerHandshake): handshake is ClientHandshake {
  return !("peerIP" in handshake);
}

/** A close code of so few values that metrics can have it: a peer may choose any from 3000 to 4999. */
function bounded(code: number): number {
  return code < 1016 ? code : Math.floor(code / 1000) * 1000;
}
