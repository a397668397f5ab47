/** One message to many: in this server, or through the log that it shares. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import { businessError } from "../errors.ts";
import { DEFAULT_MAX_PAYLOAD, payloadError } from "../internal/payload.ts";
import { Refusal } from "../internal/result.ts";
import type { ServerConnection } from "./connection.ts";
import type { ListeningServer } from "./listening_server.ts";
import { excepted } from "./registry.ts";
import type { Subscribers } from "./subscribers.ts";
import type { PublishResult } from "./types.ts";

/** What `publish` and `broadcast` do; a topic of `null` is everybody. */
export function publish(
  listening: ListeningServer | undefined,
  subscribers: Subscribers,
  topic: string | null,
  data: unknown,
  options: unknown,
): Promise<PublishResult> {
  const call = topic === null ? "broadcast" : "publish";
  const error = payloadError(call, data, listening?.maxPayload ?? DEFAULT_MAX_PAYLOAD);
  if (error !== undefined) return Refusal.of(error);
  const except = excepted(listening, call, options);
  if (except instanceof Error) return Refusal.of(except);
  if (listening === undefined) {
    return Refusal.of(businessError("notRunning", `${call}: the server is not running`));
  }
  if (listening.clustered !== undefined) {
    return listening.clustered.publish(call, topic, data as WebSocketData, except);
  }
  return Promise.resolve(
    deliver(listening, subscribers, topic, data as WebSocketData, except, true),
  );
}

/** Sends a message to the connections of this server, and to its own subscribers. */
export function deliver(
  listening: ListeningServer,
  subscribers: Subscribers,
  topic: string | null,
  data: WebSocketData,
  except: ReadonlySet<ServerConnection>,
  isLocal: boolean,
): PublishResult {
  const result = sendOut(listening, topic, data, except);
  if (topic !== null) subscribers.tell(topic, data, isLocal);
  return result;
}

/** Sends a message to the connections of this server. */
export function sendOut(
  { registry, topics }: ListeningServer,
  topic: string | null,
  data: WebSocketData,
  except: ReadonlySet<ServerConnection>,
): PublishResult {
  return topic === null
    ? topics.broadcast(registry.known(), data, except)
    : topics.publish(topic, data, except);
}
