/** One message to many: in this server, or through the log that it shares. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import { businessError } from "../errors.ts";
import { DEFAULT_MAX_PAYLOAD, payloadError } from "../internal/payload.ts";
import { Refusal } from "../internal/result.ts";
import { argumentError, surplusError, TEXT } from "../internal/validate.ts";
import type { ServerConnection } from "./connection.ts";
import type { ListeningServer } from "./listening_server.ts";
import { excepted } from "./registry.ts";
import type { Subscribers } from "./subscribers.ts";
import type { PublishResult } from "./types.ts";

/** What `publish` and `broadcast` do; the latter has `null` as its topic, which is everybody. */
export function publish(
  listening: ListeningServer | undefined,
  subscribers: Subscribers,
  call: "publish" | "broadcast",
  given: unknown,
  data: unknown,
  options: unknown,
  more: unknown,
): Promise<PublishResult> {
  const isTopic = call === "broadcast" || typeof given === "string";
  const topic = given as string | null;
  const error = (isTopic ? undefined : argumentError("publish: topic", TEXT[1], given)) ??
    surplusError(call, more) ??
    payloadError(call, data, listening?.maxPayload ?? DEFAULT_MAX_PAYLOAD);
  if (error !== undefined) return Refusal.of(error);
  const except = excepted(listening, call, options);
  if (except instanceof Error) return Refusal.of(except);
  if (listening === undefined) {
    return Refusal.of(businessError("notRunning", `${call}: the server is not running`));
  }
  if (listening.clustered !== undefined) {
    return listening.clustered.publish(call, topic, data as WebSocketData, except);
  }
  const send = () => sendOut(listening, topic, data as WebSocketData, except);
  const result = topic === null
    ? send()
    : subscribers.publish(topic, data as WebSocketData, true, send);
  return Promise.resolve(result);
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
