// @ts-check
/**
 * A browser's WebSocket as a peer, in a page. It takes commands as calls and tells of events with
 * the function `tell`, as `tests/interop/peers.ts` describes them.
 */
/** @type {(text: string) => void} */
// @ts-ignore The driver gives it to the page.
const tellDriver = globalThis.tell;

/** @type {WebSocket} */
let socket;
/** Digests take a while, and events are told in order. */
let last = Promise.resolve();

/**
 * @param {string} event
 * @param {object | (() => Promise<object>)} [what]
 */
function tell(event, what = {}) {
  last = last.then(async () => {
    const told = typeof what === "function" ? await what() : what;
    tellDriver(JSON.stringify({ event, ...told }));
  });
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * @param {string} text
 * @param {number} times
 */
function unhex(text, times) {
  const once = (text.match(/../g) ?? []).map((byte) => parseInt(byte, 16));
  const bytes = new Uint8Array(once.length * times);
  for (let at = 0; at < bytes.length; at += once.length) bytes.set(once, at);
  return bytes;
}

/** @param {string | ArrayBuffer} data */
async function shown(data) {
  const isText = typeof data === "string";
  const bytes = isText ? new TextEncoder().encode(data) : new Uint8Array(data);
  if (bytes.length <= 1000) return isText ? { text: data } : { binary: hex(bytes) };
  const sha256 = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  return { [isText ? "text" : "binary"]: { size: bytes.length, sha256 } };
}

// @ts-ignore For the driver.
globalThis.peer = {
  /** @param {{ url: string, protocols?: string[] }} command */
  connect({ url, protocols = [] }) {
    socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    let isOpen = false;
    socket.onopen = () => {
      isOpen = true;
      tell("open", { protocol: socket.protocol, extensions: socket.extensions });
    };
    socket.onmessage = ({ data }) => tell("message", () => shown(data));
    socket.onclose = ({ code, reason }) =>
      isOpen ? tell("close", { code, reason }) : tell("refused");
  },
  /** @param {{ text?: string, binary?: string, times?: number }} command */
  send({ text, binary = "", times = 1 }) {
    socket.send(text?.repeat(times) ?? unhex(binary, times));
  },
  /** @param {{ code?: number, reason?: string }} command */
  close({ code, reason }) {
    if (code === undefined) socket.close();
    else socket.close(code, reason);
  },
};
