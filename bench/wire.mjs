// @ts-check
/** The least of RFC 6455 that the load generator needs: frames, and the two ends of a handshake. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const MASK = [0x37, 0xfa, 0x21, 0x3d];

/**
 * A frame, masked where a client sends it.
 *
 * @param {number} opcode
 * @param {Uint8Array} payload
 * @param {boolean} masked
 * @returns {Uint8Array}
 */
export function frame(opcode, payload, masked) {
  const { length } = payload;
  const more = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const head = new DataView(new ArrayBuffer(2 + more));
  head.setUint8(0, 0x80 | opcode);
  head.setUint8(
    1,
    (masked ? 0x80 : 0) | (more === 0 ? length : more === 2 ? 126 : 127),
  );
  if (more === 2) head.setUint16(2, length);
  if (more === 8) head.setBigUint64(2, BigInt(length));
  const body = masked ? payload.map((byte, i) => byte ^ (MASK[i % 4] ?? 0)) : payload;
  return Uint8Array.from([
    ...new Uint8Array(head.buffer),
    ...(masked ? MASK : []),
    ...body,
  ]);
}

/**
 * Reads the head of a frame; `undefined` where more bytes are needed.
 *
 * @param {Uint8Array} data
 * @param {number} at
 */
export function readHead(data, at) {
  const [first, second] = [data[at], data[at + 1]];
  if (first === undefined || second === undefined) return undefined;
  const masked = second > 127;
  let size = second & 127;
  const more = size === 126 ? 2 : size === 127 ? 8 : 0;
  const length = 2 + more + (masked ? 4 : 0);
  if (data.length < at + length) return undefined;
  if (more > 0) {
    size = 0;
    for (let i = 0; i < more; i++) size = size * 256 + (data[at + 2 + i] ?? 0);
  }
  return { opcode: first & 15, masked, size, length };
}

/** What a client and a server that can resume agree upon, and each says first. */
const RESUME = "Sec-WebSocket-Protocol: resume.netkit.1\r\n";
export const HELLO = Buffer.from('{"resume":1,"epoch":"e"}\n');

/** @param {number} port @param {boolean} resumes */
export function request(port, resumes) {
  return Buffer.from(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\n${resumes ? RESUME : ""}` +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
}

/**
 * The answer to a client's request.
 *
 * @param {string} request
 * @param {boolean} resumes
 */
export function response(request, resumes) {
  const key = /sec-websocket-key: *([^\r]+)/i.exec(request)?.[1] ?? "";
  const accept = createHash("sha1").update(
    `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
  );
  return Buffer.from(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n${resumes ? RESUME : ""}\r\n`,
  );
}
