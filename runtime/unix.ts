/** The address of whoever comes by a Unix socket, which has none. */
export const UNIX = "unix";
