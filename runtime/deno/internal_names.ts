/**
 * What Deno calls what it keeps inside of a WebSocket, from Deno 1.46 to 2.9.6, and of a request (2.9.6):
 * the descriptions of its symbols. Nowhere else are they written. Not part of the public API.
 */
export const INTERNAL = {
  /** The prototype's method that sets the timer for a Ping. It is called for each Pong, too. */
  handleIdle: "[[serverHandleIdleTimeout]]",
  /** An instance's idle time, in seconds. */
  idleTime: "[[idleTimeout]]",
  /** An instance's resource id. */
  rid: "[[rid]]",
  /** An instance's role. */
  role: "[[role]]",
  /** An instance's `readyState`. */
  readyState: "[[readyState]]",
  /** What a client's WebSocket is called to a debugger, where there is one (2.9.6). */
  requestId: "[[inspectorRequestId]]",
  /** What a debugger is told of the network by; no symbol, but a property of Deno's internals (2.9.6). */
  network: "__inspectorNetwork",
  /** What a request keeps of its signal: nothing, that it would be aborted (false), or the signal. */
  signal: "signalCache",
  /** The method that is asked for the connection of a request, of what that has inside (2.9.6). */
  wantsUpgrade: "_wantsUpgrade",
} as const;
