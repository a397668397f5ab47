/**
 * npm's `ws` as a client of the URL given first. Sends the texts given after it when the first
 * message has come, prints what comes as lines of JSON, and ends with its connection.
 */
import { WebSocket } from "ws";
import process from "node:process";

const [url = "", ...texts] = process.argv.slice(2);
const socket = new WebSocket(url);
socket.once("message", () => texts.forEach((text) => socket.send(text)));
socket.on("message", (data, isBinary) => {
  console.log(JSON.stringify({ message: isBinary ? [...data] : String(data) }));
});
socket.on("close", (code, reason) => {
  console.log(JSON.stringify({ close: code, reason: String(reason) }));
});
