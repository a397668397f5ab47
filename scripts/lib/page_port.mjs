// @ts-check
/** The port of an example's page. */
import { createServer } from "node:net";

const PORT = 8080;

/**
 * Where nobody asks for one: 8080, or 0 for a free one where that is taken.
 *
 * @returns {Promise<string>}
 */
export async function pagePort() {
  return await isFree(PORT) ? `${PORT}` : "0";
}

/**
 * Whether nobody listens on a port of this machine.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
