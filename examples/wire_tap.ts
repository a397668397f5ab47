/**
 * A wire tap: a TCP relay in front of a WebSocket server that tells of each Ping and Pong frame that
 * passes. For looking only; it changes nothing.
 */

import { connect, createServer, type Socket } from "node:net";

/** What passed, and which way. */
export type Tell = (way: "client → server" | "server → client", frame: "Ping" | "Pong") => void;

/** Listens on a free port of this machine and relays to another. */
export async function tapWire(port: number, tell: Tell): Promise<{ port: number; close(): void }> {
  const relay = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    pipe(client, server, (frame) => tell("client → server", frame));
    pipe(server, client, (frame) => tell("server → client", frame));
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const address = relay.address() as { port: number };
  return { port: address.port, close: () => void relay.close() };
}

function pipe(from: Socket, to: Socket, see: (frame: "Ping" | "Pong") => void): void {
  const look = frameWatcher(see);
  from.on("data", (chunk: Uint8Array) => {
    look(chunk);
    to.write(chunk);
  });
  from.on("end", () => to.end());
  from.on("error", () => to.destroy());
}

/** Walks from frame header to frame header (RFC 6455 §5.2), after the handshake's blank line. */
function frameWatcher(see: (frame: "Ping" | "Pong") => void): (chunk: Uint8Array) => void {
  let bytes: number[] = [];
  let inHandshake = true;
  return (chunk) => {
    bytes.push(...chunk);
    if (inHandshake) {
      const end = String.fromCharCode(...bytes).indexOf("\r\n\r\n");
      if (end === -1) return;
      inHandshake = false;
      bytes = bytes.slice(end + 4);
    }
    while (bytes.length >= 2) {
      const [first = 0, second = 0] = bytes;
      const short = second & 127; // these programs send no frame that is longer
      const size = 2 + (second & 128 ? 4 : 0) + short;
      if (bytes.length < size) return;
      bytes = bytes.slice(size);
      if ((first & 15) === 9) see("Ping");
      if ((first & 15) === 10) see("Pong");
    }
  };
}
