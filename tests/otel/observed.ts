/** What the tests of the bridge to OpenTelemetry share. */

import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { WebSocketServerConfig } from "../../mod.ts";
import { type OtelCommonOptions, otelObserver } from "../../otel.ts";
import { FakeClock } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { validators } from "../helpers/schemas.ts";
import type { Telemetry } from "../helpers/telemetry.ts";

/** A pair of which both sides are observed by the same observer. */
export function observed(
  telemetry: Telemetry,
  options: Partial<OtelCommonOptions> = {},
  config: Partial<WebSocketServerConfig> = {},
): Promise<MemoryPair> {
  const clock = new FakeClock();
  const observer = otelObserver({ meter: telemetry.meter, clock, ...options });
  const server = { observer, schema: validators.double as never };
  return MemoryPair.start({ server, client: { observer }, config, clock });
}

/** What is compared of a span. */
export const spanOf = ({ name, kind, attributes, status, ended }: ReadableSpan) => ({
  name,
  kind,
  attributes,
  status,
  ended,
});
