/**
 * Independent implementations, in processes of their own: npm's `ws`, Python's `websockets` where it
 * is, and Chromium where it is. All of them take the same commands and tell of the same events.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { system } from "../../scripts/setup.mjs";
import { Chromium, type Page } from "../helpers/chromium.ts";
import { within } from "../helpers/client.ts";
import { Program, ROOT } from "../helpers/programs.ts";

const python = await system("python websockets");

/** What a peer is told to do. Messages are text, or bytes in hexadecimal. */
export type Command =
  | { do: "listen"; protocols: string[] }
  | { do: "connect"; url: string; protocols?: string[] }
  | { do: "send"; text: string; times?: number }
  | { do: "send"; binary: string; times?: number }
  /** One message of text, a frame a piece. */
  | { do: "send"; pieces: string[] }
  | { do: "ping"; payload: string }
  /** With no code, as its API does that; some then send an empty Close frame, some 1000. */
  | { do: "close"; code?: number; reason?: string };

/** What a peer tells of: open, message, ping, pong, close, refused, listening, error. */
export interface PeerEvent {
  event: string;
  /** What is told: of a large message its size and digest. */
  [what: string]: unknown;
}

/** A peer that runs. */
export abstract class Peer implements AsyncDisposable {
  readonly events: PeerEvent[] = [];
  readonly #waiting = new Set<() => void>();

  /** Tells it to do something. */
  abstract do(command: Command): void;
  /** Kills its process. */
  abstract kill(): Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>;

  /** What it tells of the nth event of a name, from 1, once it has. */
  async next(name: string, nth = 1): Promise<Record<string, unknown>> {
    const { promise, resolve } = Promise.withResolvers<PeerEvent>();
    const look = () => {
      const found = this.of(name)[nth - 1];
      if (found !== undefined) resolve(found);
    };
    this.#waiting.add(look);
    look();
    try {
      const { event: _, ...what } = await within(promise);
      return what;
    } catch {
      throw new Error(`no ${name} (${nth}) of the peer's in ${JSON.stringify(this.events)}`);
    } finally {
      this.#waiting.delete(look);
    }
  }

  /** All events of a name. */
  of(name: string): PeerEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

  protected hear(event: PeerEvent): void {
    this.events.push(event);
    for (const look of [...this.#waiting]) look();
  }
}

/** Messages of either kind. */
export const SMALL: ({ text: string } | { binary: string })[] = [
  { text: "Hi" },
  { binary: "00ff80" },
  { text: "" },
  { binary: "" },
  { text: 'é€😀 你好 \u0000\n"\\' },
  { binary: Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0")).join("") },
  { text: "x".repeat(125) },
  { text: "y".repeat(126) },
];

/** The largest messages there are by default: what sends them, and what they are. */
export const LARGE: { command: Command; data: string | Uint8Array }[] = [
  {
    command: { do: "send", text: "é😀 你好! x", times: 5_242_864 / 16 },
    data: "é😀 你好! x".repeat(5_242_864 / 16),
  },
  {
    command: { do: "send", binary: "fe", times: 5_242_864 },
    data: new Uint8Array(5_242_864).fill(0xfe),
  },
];

/** What a connection is closed with, reasons up to the 123 bytes there are. */
export const CLOSES: { code?: number; reason?: string }[] = [
  { code: 1000, reason: "bye" },
  { code: 1001, reason: "going away" },
  { code: 3000, reason: "é€😀" },
  { code: 4999, reason: "r".repeat(123) },
  { code: 4000, reason: "" },
  {},
];

/** Where peers come from. */
export interface PeerHost {
  start(): Promise<Peer>;
  close(): Promise<void>;
}

/** A kind of peer. */
export interface PeerKind {
  name: string;
  /** Its API sends Pings, tells of those that come, and sends a message in pieces. */
  frames: boolean;
  /** What it makes of a refused handshake. */
  refusal(status: number): Record<string, unknown>;
  host(): Promise<PeerHost>;
}

const status = (status: number) => ({ status });

/** Those that are servers, too. The first is everywhere. */
export const SERVERS: PeerKind[] = [
  {
    name: "npm's ws",
    frames: true,
    refusal: status,
    host: () => processes(() => Program.peer(`${ROOT}/tests/peers/ws_peer.mjs`, [], OPTIONS)),
  },
  ...(python === undefined ? [] : [{
    name: "Python's websockets",
    frames: true,
    refusal: status,
    host: () => processes(() => Program.start([python, WEBSOCKETS_PEER], OPTIONS)),
  }]),
];

const OPTIONS = { input: true };
const PAGE_PEER = `{${readFileSync(`${ROOT}/tests/peers/page_peer.js`, "utf8")}}`;
const WEBSOCKETS_PEER = `${ROOT}/tests/peers/websockets_peer.py`;

/** All. */
export const CLIENTS: PeerKind[] = [
  ...SERVERS,
  ...(Chromium.path === undefined ? [] : [{
    name: "Chromium",
    frames: false,
    refusal: () => ({}), // the standard hides it from pages
    host: () => browser(),
  }]),
];

class ProcessPeer extends Peer {
  readonly #program: Program;

  constructor(program: Program) {
    super();
    this.#program = program;
    let rest = "";
    program.child.stdout!.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.hear(JSON.parse(line));
    });
    void program.ended.then(({ stderr }) => this.hear({ event: "ended", stderr }));
  }

  override do(command: Command): void {
    this.#program.write(`${JSON.stringify(command)}\n`);
  }

  override async kill(): Promise<void> {
    this.#program.kill("SIGKILL");
    await within(this.#program.ended);
  }

  override [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

function processes(start: () => Program): Promise<PeerHost> {
  return Promise.resolve({
    start: () => Promise.resolve(new ProcessPeer(start())),
    close: () => Promise.resolve(),
  });
}

/** A peer in a page that its server serves at `/`. */
class PagePeer extends Peer {
  readonly #browser: Chromium;
  #page: Page | undefined;
  #host = "";
  #last: Promise<unknown> = Promise.resolve();

  constructor(browser: Chromium) {
    super();
    this.#browser = browser;
  }

  override do(command: Command): void {
    // In order: the page must be there before anything can be done in it.
    this.#last = this.#last.then(async () => {
      if (command.do === "connect") await this.#open(new URL(command.url).host);
      await this.#page!.evaluate(`peer.${command.do}(${JSON.stringify(command)})`);
    }).catch((error) => this.hear({ event: "failed", error: String(error) }));
  }

  override kill(): Promise<void> {
    this.#page = undefined; // gone with its browser
    return this.#browser.kill();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#page?.[Symbol.asyncDispose]();
  }

  async #open(host: string): Promise<void> {
    if (host === this.#host) return;
    await this.#page?.[Symbol.asyncDispose]();
    this.#host = host;
    const page = this.#page = await this.#browser.open(`http://${host}/`);
    await page.expose("tell", (text) => this.hear(JSON.parse(text)));
    await page.evaluate(PAGE_PEER);
  }
}

async function browser(): Promise<PeerHost> {
  const browser = await Chromium.start();
  return {
    start: () => Promise.resolve(new PagePeer(browser)),
    close: () => browser[Symbol.asyncDispose](),
  };
}

/** What a peer tells of a message: of a large one its size and digest. */
export function told(data: string | Uint8Array): Record<string, unknown> {
  const bytes = new TextEncoder().encode(typeof data === "string" ? data : "");
  const all = typeof data === "string" ? bytes : data;
  const large = { size: all.length, sha256: createHash("sha256").update(all).digest("hex") };
  if (typeof data === "string") return { text: all.length > 1000 ? large : data };
  return { binary: all.length > 1000 ? large : Buffer.from(data).toString("hex") };
}
