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
  /** What a request keeps of its signal: nothing, that it would be aborted (false), or the signal. */
  signal: "signalCache",
} as const;
