// @ts-check
/**
 * What all clients of the benchmark share. Each is started as `<kind>.mjs PORT MODE BATCH`. In mode
 * "receive" it says so after every BATCH messages; in mode "send" it sends BATCH for each message.
 */
import process from "node:process";

const [port, mode, batch] = process.argv.slice(2);

export const url = `ws://127.0.0.1:${port}/`;

/** The smallest message the scenarios know. */
const MESSAGE = "x".repeat(16);

/**
 * What to do with each message.
 *
 * @param {(text: string) => unknown} send
 * @returns {(data: unknown) => void}
 */
export function listener(send) {
  const count = Number(batch);
  if (mode === "send") {
    return () => {
      for (let i = 0; i < count; i++) send(MESSAGE);
    };
  }
  let heard = 0;
  return () => {
    if (++heard < count) return;
    heard = 0;
    send("ok");
  };
}

process.stdin.on("end", () => process.exit(0)).resume();
