// @ts-check
/**
 * A TLS server that asks for a client certificate, speaks just enough WebSocket to send one text
 * with the certificate's common name, and ends. Prints `port N`. Arguments: its certificate, its
 * key, and the authority of its clients. Runs on Node or Bun.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createServer } from "node:tls";

const [cert = "", key = "", ca = ""] = process.argv.slice(2).map((path) =>
  readFileSync(path, "utf8")
);

const options = { cert, key, ca, requestCert: true, rejectUnauthorized: true };
const server = createServer(options, (socket) => {
  socket.on("error", () => {});
  socket.once("data", (head) => {
    const nonce = /sec-websocket-key: (.*)\r\n/i.exec(String(head))?.[1] ?? "";
    const accept = createHash("sha1").update(`${nonce}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`,
    );
    const name = String(socket.getPeerCertificate().subject.CN);
    socket.write(Buffer.concat([Buffer.from([0x81, name.length]), Buffer.from(name)]));
    socket.write(Buffer.from([0x88, 2, 0x03, 0xe8]));
    socket.once("data", () => socket.end());
  });
});
server.on("tlsClientError", (_error, socket) => socket.destroy());
server.listen(0, "127.0.0.1", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(`port ${address.port}`);
});
