/**
 * npm's `proxy`. Prints `port N`, then the first line of each request. With `user:password` as its
 * argument it asks for those.
 */
import { createProxy } from "proxy";
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import process from "node:process";

const [credentials] = process.argv.slice(2);
const server = createServer();
/** @param {import("node:http").IncomingMessage} request */
const say = ({ method, url }) => console.log(`${method} ${url} HTTP/1.1`);
server.prependListener("request", say);
server.prependListener("connect", say);
const proxy = createProxy(server);
if (credentials !== undefined) {
  const expected = `Basic ${Buffer.from(credentials).toString("base64")}`;
  proxy.authenticate = ({ headers }) => headers["proxy-authorization"] === expected;
}
server.listen(0, "127.0.0.1", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(`port ${address.port}`);
});
