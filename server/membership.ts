/** Who is in which topic: `join` and `leave`. Not part of the public API. */

import type { BusinessError } from "../errors.ts";
import { argumentError, TEXT } from "../internal/validate.ts";
import type { ListeningServer } from "./listening_server.ts";
import { findOpen } from "./registry.ts";
import type { JoinResult } from "./types.ts";

/** What `join` answers: nothing where that is `true` alone. */
export function join(
  server: ListeningServer | undefined,
  connection: unknown,
  topic: unknown,
): BusinessError | JoinResult | Promise<JoinResult> | undefined {
  if (typeof topic !== "string") return argumentError("join: topic", TEXT[1], topic);
  const found = findOpen(server, "join", connection);
  if (found instanceof Error) return found;
  const { clustered, topics } = server!;
  const joins = () => topics.join(found, topic);
  return clustered === undefined ? joins() as undefined : clustered.join(found, topic, joins);
}

/** What `leave` answers: the error, if there is one. */
export function leave(
  server: ListeningServer | undefined,
  connection: unknown,
  topic: unknown,
): BusinessError | undefined {
  if (typeof topic !== "string") return argumentError("leave: topic", TEXT[1], topic);
  const found = findOpen(server, "leave", connection);
  if (found instanceof Error) return found;
  const { clustered, topics } = server!;
  clustered?.leave(found, topic);
  topics.leave(found, topic);
  return undefined;
}
