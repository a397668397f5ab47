/**
 * npm's `ws` as a server. Prints `port N`, then what comes as lines of JSON. Answers every text with
 * the texts given as arguments, and ends with its first connection.
 */
import { WebSocketServer } from "ws";
import process from "node:process";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("listening", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(`port ${address.port}`);
});
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    console.log(JSON.stringify({ message: isBinary ? [...data] : String(data) }));
    for (const answer of process.argv.slice(2)) socket.send(answer);
  });
  socket.on("close", (code, reason) => {
    console.log(JSON.stringify({ close: code, reason: String(reason) }));
    server.close();
  });
});
