/** The instrumentation scope: who measures. Not part of the public API. */

/** Its name. */
export const SCOPE = "@netkit/websocket";

/** Its version, that of this package. */
export const VERSION = "0.2.0";
