import type { ServerRuntime } from "../contract.ts";

/** A platform that cannot listen, such as a browser. `start` is refused there. */
export function noServer(): ServerRuntime {
  return {
    name: "this platform",
    canPing: false,
    checksPayload: false,
    listen: nowhere,
    mount: nowhere,
    fault: () => "other",
  };
}

function nowhere(): never {
  throw new Error("servers need Deno or Bun, and this is neither");
}
