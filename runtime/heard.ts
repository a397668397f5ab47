/**
 * How often to wait for a Close frame to reach a client in the same process, and for so many ms each time.
 * A runtime reads its sockets once beside each timer: on a busy machine one long timer is not enough.
 */
const HEARD = { times: 5, ms: 1 };

/**
 * A client in the server's own process must get its 'close' before `stop` settles. Bun does not wait for the
 * peers' Close frames (1.4.5, `server_quirks_test.ts`), and neither runtime for its answer to a peer's to
 * arrive (2.9.6, 1.4.5, `tests/log_programs/stop_in_close.ts`).
 */
export async function heard(): Promise<void> {
  for (let times = 0; times < HEARD.times; times++) {
    await new Promise((resolve) => setTimeout(resolve, HEARD.ms));
  }
}
