/** What SDKs have registered with OpenTelemetry's API, version 1, or Deno has. Not part of the public API. */

/** Where all copies of the API find it. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

/** What is registered under a name, such as "context"; `undefined` where nothing is. */
export function registered(name: string): unknown {
  return (globalThis as unknown as Record<symbol, Record<string, unknown> | undefined>)[REGISTRY]
    ?.[name];
}
