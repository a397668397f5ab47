// @ts-check
/**
 * The load generator where there is no compiler: the commands and answers of load.cpp, on Bun.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";
import * as wire from "./wire.mjs";

const { BINARY, CLOSE, frame, PING, PONG, readHead, TEXT } = wire;

const { Bun } = /** @type {any} */ (globalThis);

/**
 * @typedef {object} Conn
 * @property {any} socket
 * @property {boolean} open
 * @property {boolean} server Whether this side is the server.
 * @property {Uint8Array} rest The part of a head, a control frame or a handshake that has come.
 * @property {number} skip Bytes of a payload that are still to come.
 * @property {Uint8Array[]} out What could not be written.
 * @property {number[]} sent
 * @property {number} heard
 * @property {boolean} asleep
 * @property {boolean} resumes Whether its messages begin with a line of the module's own.
 * @property {boolean} own Whether what is being skipped is for the module, not for its user.
 */

/** @type {Uint8Array} */
const EMPTY = new Uint8Array(0);
const target = Number(process.argv[2]);

/** @type {Conn[]} */
let conns = [];
let mode = "rest";
let running = false;
let sleeper = false;
let resumes = false;
let counter = 0;
let pending = 0;
let wrong = 0;
let pings = 0;
let turn = 0;
let wanted = 0;
let batch = 0;
let start = 0;
let size = 0;
let opcode = TEXT;
let hearers = 0;
let message = EMPTY;
let block = EMPTY;
let rateTurn = 0;
/** @type {number[]} */
let due = [];
/** @type {number[]} */
let latencies = [];

/** @param {object} answer */
const say = (answer) => console.log(JSON.stringify(answer));

/** @param {string} error @returns {never} */
function fail(error) {
  say({ error });
  process.exit(1);
}

/** @param {Conn} c @param {Uint8Array} data */
function write(c, data) {
  const done = c.out.length > 0 ? 0 : Math.max(0, c.socket.write(data));
  if (done < data.length) c.out.push(data.subarray(done));
}

/** @param {Conn} c */
function flush(c) {
  for (const data of c.out.splice(0)) write(c, data);
}

const handlers = {
  binaryType: "uint8array",
  /** @param {any} socket */
  open(socket) {
    socket.setNoDelay(true);
    const server = Number.isNaN(target);
    /** @type {Conn} */
    const c = {
      socket,
      server,
      open: false,
      rest: EMPTY,
      skip: 0,
      out: [],
      sent: [],
      heard: 0,
      asleep: false,
      resumes: !server && resumes,
      own: false,
    };
    socket.data = c;
    if (!server) {
      if (mode === "open") conns.push(c);
      write(c, wire.request(target, resumes));
    }
  },
  /** @param {any} socket @param {Uint8Array} chunk */
  data({ data: c }, chunk) {
    let data = chunk;
    if (c.rest.length > 0) {
      data = new Uint8Array(c.rest.length + chunk.length);
      data.set(c.rest);
      data.set(chunk, c.rest.length);
    }
    const done = c.open ? parse(c, data, 0) : handshake(c, data);
    c.rest = done === data.length ? EMPTY : data.slice(done);
  },
  /** @param {any} socket */
  drain: ({ data }) => flush(data),
  /** @param {any} socket */
  close({ data: c }) {
    conns = conns.filter((other) => other !== c);
    if (mode === "churn" && c?.open) {
      counter++;
      if (running) dial();
      else if (--pending === 0) finish();
    } else if (!c?.server && mode !== "rest") {
      fail("the server closed a connection");
    }
  },
  error() {},
  connectError: () => fail("connection refused"),
};

const dial = () => Bun.connect({ hostname: "127.0.0.1", port: target, socket: handlers });

/** @param {Conn} c @param {Uint8Array} data */
function handshake(c, data) {
  const text = new TextDecoder("latin1").decode(data);
  const end = text.indexOf("\r\n\r\n") + 4;
  if (end === 3) return 0;
  c.open = true;
  if (c.server) {
    resumes = c.resumes = text.includes("resume.netkit.1");
    write(c, wire.response(text, resumes));
    conns = [c];
    if (resumes) write(c, frame(TEXT, wire.HELLO, false));
    else say({ accepted: true });
  } else if (!text.startsWith("HTTP/1.1 101")) {
    fail(`refused: ${text.split("\r")[0]}`);
  } else if (mode === "churn") {
    write(c, frame(CLOSE, new Uint8Array([3, 232]), true));
  } else {
    counter++;
    if (resumes) write(c, frame(TEXT, wire.HELLO, true));
    if (sleeper) {
      sleeper = false;
      c.asleep = true;
      c.socket.pause();
    }
    if (conns.length < wanted) dial();
    else if (counter === wanted) finish();
  }
  return parse(c, data, end);
}

/** @param {Conn} c @param {Uint8Array} data @param {number} from */
function parse(c, data, from) {
  const at = performance.now();
  let done = from;
  let reply = 0;
  while (done < data.length) {
    if (c.skip === 0) {
      const head = readHead(data, done);
      if (head === undefined) break;
      const body = done + head.length;
      if (head.opcode >= 8) {
        if (body + head.size > data.length) break;
        if (head.opcode === PING) {
          pings++;
          const payload = data.slice(body, body + head.size);
          if (head.masked) {
            payload.forEach((byte, i) => payload[i] = byte ^ (data[body - 4 + i % 4] ?? 0));
          }
          write(c, frame(PONG, payload, !c.server));
        } else if (head.opcode === CLOSE) c.socket.end();
        done = body + head.size;
        continue;
      }
      if (c.resumes) {
        const first = data[body];
        if (first === undefined) break;
        c.own = (first ^ (head.masked ? data[body - 4] ?? 0 : 0)) === 123;
      }
      const longer = head.size - size; // by a line with the message's place
      const fits = c.resumes ? longer > 0 && longer < 64 : longer === 0;
      const counts = mode === "flood" || mode === "pull" || c.own;
      if (!counts && (!fits || head.opcode !== opcode)) wrong++;
      done = body;
      c.skip = head.size;
    }
    const some = Math.min(c.skip, data.length - done);
    c.skip -= some;
    done += some;
    if (c.skip === 0 && counted(c, at)) reply++;
  }
  if (reply > 0) write(c, block.subarray(0, reply * message.length));
  if (mode !== "rest" && mode !== "open" && !running && pending === 0) finish();
  return done;
}

/** Counts a message; answers whether another is to be sent on its connection. @param {Conn} c @param {number} at */
function counted(c, at) {
  if (c.own) { // the first one of a client that can resume is its greeting
    c.own = false;
    if (c.server && mode === "rest") say({ accepted: true });
    return false;
  }
  counter += mode === "flood" ? batch : 1;
  if (mode === "rate") {
    latencies.push(at - (c.sent.shift() ?? at));
    pending--;
    return false;
  }
  if (mode === "fanrate") latencies.push(at - (due[c.heard++] ?? at));
  const many = mode === "pull" ? batch : mode === "fan" || mode === "fanrate" ? hearers : 1;
  if (++turn < many) return false;
  turn = 0;
  if (!running || mode === "fanrate") {
    pending--;
    return false;
  }
  if (mode === "echo") return true;
  write(conns[0] ?? c, mode === "flood" ? block : message);
  return false;
}

function finish() {
  const answer = {
    messages: counter,
    ns: Math.round((performance.now() - start) * 1e6),
    wrong,
    pings,
  };
  const sorted = Float64Array.from(latencies).sort();
  /** @param {number} share */
  const at = (share) => Math.round((sorted[Math.floor(share * sorted.length)] ?? NaN) * 1e6);
  const percentiles = {
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
  };
  say(sorted.length > 0 ? { ...answer, ...percentiles } : answer);
  mode = "rest";
  latencies = [];
}

/** Sends what is due at a fixed rate, whatever has come back. @param {number} perSecond @param {number} ms */
function atRate(perSecond, ms) {
  let next = start;
  const tick = () => {
    const now = Math.min(performance.now(), start + ms);
    for (; next <= now; next += 1000 / perSecond) {
      const c = mode === "rate" ? conns[rateTurn++ % conns.length] : conns[0];
      if (c === undefined) return;
      (mode === "rate" ? c.sent : due).push(next);
      pending++;
      write(c, message);
    }
    if (running) setImmediate(tick);
  };
  tick();
}

/** @param {string} line */
function command(line) {
  const [name = "", ...words] = line.split(" ");
  const numbers = words.map(Number);
  counter =
    pending =
    wrong =
    pings =
    turn =
      0;
  start = performance.now();
  mode = name;
  if (name === "open" || name === "sleeper") {
    mode = "open";
    counter = conns.length;
    sleeper = name === "sleeper";
    wanted = conns.length + (sleeper ? 1 : numbers[0] ?? 0);
    if (!sleeper) resumes = words[1] === "resuming";
    for (let i = counter; i < Math.min(wanted, counter + 32); i++) dial();
    return;
  }
  const ms = numbers.at(-1) ?? 0;
  running = true;
  setTimeout(() => {
    running = false;
    if (pending === 0) finish();
  }, ms);
  size = numbers[0] ?? 0;
  opcode = words[1] === "binary" ? BINARY : TEXT;
  batch = numbers[name === "flood" ? 2 : 0] ?? 1;
  const several = name === "echo" ? numbers[2] ?? 1 : name === "flood" ? batch : 1;
  const masked = !Number.isNaN(target);
  const text = "x".repeat(name === "pull" ? 2 : Math.min(size, 1e6));
  const all = Array.from({ length: several }, (_, i) => {
    const header = resumes ? `${masked ? "" : `${1_000_000 + i}.0`}\n` : "";
    return frame(opcode, Buffer.from(header + text), masked);
  });
  message = all[0] ?? EMPTY;
  block = Buffer.concat(all);
  due = [];
  hearers = conns.filter(({ asleep }) => !asleep).length;
  for (const c of conns) c.heard = 0;
  if (name === "echo") {
    pending = conns.length * several;
    for (const c of conns) write(c, block);
  } else if (name === "rate" || name === "fanrate") {
    atRate(numbers[2] ?? 1, ms);
  } else if (name === "churn") {
    pending = numbers[0] ?? 1;
    for (let i = 0; i < pending; i++) dial();
  } else if (name !== "idle") {
    pending = name === "flood" ? 2 : 1;
    for (let i = 0; i < pending && conns[0]; i++) {
      write(conns[0], name === "flood" ? block : message);
    }
  }
}

if (Number.isNaN(target)) {
  say({
    port: Bun.listen({ hostname: "127.0.0.1", port: 0, socket: handlers }).port,
  });
}
const lines = createInterface({ input: process.stdin });
lines.on("line", command);
lines.on("close", () => process.exit(0));
