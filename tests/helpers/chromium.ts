/** Headless Chromium, driven over its DevTools protocol by the runtime's own WebSocket. */

import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { system } from "../../scripts/setup.mjs";
import { within } from "./client.ts";
import { Program } from "./programs.ts";

// Found, and installed where missing, before any test: what that leaves running is no test's leak.
const path = await system("chromium");

/** Root has no sandbox; nothing but loopback is loaded, and nothing is looked up elsewhere. */
const FLAGS = [
  ..."headless no-sandbox disable-gpu disable-quic disable-dev-shm-usage no-first-run".split(" "),
  ..."no-proxy-server no-default-browser-check disable-background-networking".split(" "),
  ..."disable-component-update disable-sync disable-extensions mute-audio".split(" "),
  // A window that nobody asked for costs as much as the rest of the start.
  "no-startup-window",
].map((flag) => `--${flag}`);

type Json = Record<string, unknown>;

/** What a command is answered: its result, or what went wrong. */
interface Answer {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: Json;
  result?: Json;
  error?: { message: string };
}

/** A browser with a profile of its own. */
export class Chromium implements AsyncDisposable {
  /** Where it is installed, if it is. */
  static readonly path: string | undefined = path;

  /** Where its DevTools are. */
  readonly url: string;
  readonly #program: Program;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #ended: Promise<unknown>;
  readonly #calls = new Map<number, PromiseWithResolvers<Json>>();
  readonly #sessions = new Map<string, (method: string, params: Json) => void>();
  #id = 0;

  private constructor(program: Program, profile: string, socket: WebSocket, url: string) {
    this.url = url;
    this.#program = program;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onerror = () => {};
    this.#ended = new Promise((resolve) => socket.addEventListener("close", resolve));
    void this.#ended.then(() => {
      for (const { reject } of this.#calls.values()) reject(new Error("Chromium has ended"));
    });
  }

  /** Starts one; asks for `Chromium.path` to be there. */
  static async start(): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), "netkit-chromium-"));
    const own = ["--remote-debugging-port=0", `--user-data-dir=${profile}`];
    const program = Program.start([path!, ...FLAGS, ...own]);
    try {
      const [, url] = await within(program.line(/^DevTools listening on (ws:\S+)/m));
      const socket = new WebSocket(url!);
      const browser = new Chromium(program, profile, socket, url!);
      await within(new Promise((resolve) => socket.onopen = resolve));
      return browser;
    } catch (error) {
      program.kill("SIGKILL");
      await program.ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
      throw error;
    }
  }

  /** Opens a page in a window of its own, which shares nothing with others. */
  async open(url: string): Promise<Page> {
    const { browserContextId } = await this.call("Target.createBrowserContext");
    const target = { url: "about:blank", browserContextId };
    const { targetId } = await this.call("Target.createTarget", target);
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const close = () => this.call("Target.disposeBrowserContext", { browserContextId });
    const page = new Page(
      (method, params) => this.call(method, params, sessionId as string),
      close,
    );
    this.#sessions.set(sessionId as string, (method, params) => page.hear(method, params));
    await page.start();
    await page.goto(url);
    return page;
  }

  /** Calls a method of the protocol's, of the browser or of a page. */
  call(method: string, params?: Json, sessionId?: string): Promise<Json> {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Error(`Cannot call ${method}: Chromium has ended`));
    }
    const id = ++this.#id;
    const call = Promise.withResolvers<Json>();
    this.#calls.set(id, call);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return within(call.promise).finally(() => this.#calls.delete(id));
  }

  /** Kills all its processes at a blow, so that none can say goodbye to anybody. */
  async kill(): Promise<void> {
    const { processInfo } = await this.call("SystemInfo.getProcessInfo");
    const ids = (processInfo as { id: number; type: string }[]).map(({ id }) => id);
    // One that still runs when another is gone would say goodbye: first none may run.
    for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
      for (const id of ids) process.kill(id, signal);
    }
    await this[Symbol.asyncDispose]();
  }

  /** Ends it; there is nothing to be kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#program.kill("SIGKILL");
    await within(Promise.all([this.#program.ended, this.#ended]));
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #hear({ id, sessionId, method, params, result, error }: Answer): void {
    if (id === undefined) return this.#sessions.get(sessionId ?? "")?.(method!, params!);
    if (error !== undefined) this.#calls.get(id)?.reject(new Error(error.message));
    else this.#calls.get(id)?.resolve(result!);
  }
}

/** A page. */
export class Page implements AsyncDisposable {
  /** What the page and the browser wrote to the console. */
  readonly console: string[] = [];
  readonly #call: (method: string, params?: Json) => Promise<Json>;
  readonly #close: () => Promise<unknown>;
  readonly #exposed = new Map<string, (text: string) => void>();
  #loaded = Promise.withResolvers<void>();

  /** Made by `Chromium.open`. */
  constructor(call: (method: string, params?: Json) => Promise<Json>, close: () => Promise<Json>) {
    this.#call = call;
    this.#close = close;
  }

  /** Called by `Chromium.open`. */
  async start(): Promise<void> {
    for (const domain of ["Page", "Runtime", "Log"]) await this.#call(`${domain}.enable`);
  }

  /** Takes any certificate from here on. */
  async ignoreCertificates(): Promise<void> {
    await this.#call("Security.setIgnoreCertificateErrors", { ignore: true });
  }

  /** Takes its network away, or gives it back. */
  async offline(offline: boolean): Promise<void> {
    await this.#call("Network.enable");
    const speed = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await this.#call("Network.emulateNetworkConditions", { offline, ...speed });
  }

  /** Goes to a URL, and waits until it has loaded. */
  async goto(url: string): Promise<void> {
    this.#loaded = Promise.withResolvers();
    const { errorText } = await this.#call("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`Cannot go to ${url}: ${errorText}`);
    await within(this.#loaded.promise);
  }

  /** The value of an expression, awaited; what it is must fit into JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    const how = { expression, awaitPromise: true, returnByValue: true };
    const answer = await this.#call("Runtime.evaluate", how);
    const { result, exceptionDetails } = answer as {
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (exceptionDetails === undefined) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  /** Gives the page a function that passes on a text. */
  async expose(name: string, listener: (text: string) => void): Promise<void> {
    this.#exposed.set(name, listener);
    await this.#call("Runtime.addBinding", { name });
  }

  /** Presses a key, such as `Tab` or `Enter`, and lets it go. */
  async press(key: string): Promise<void> {
    const codes: Record<string, number> = { Tab: 9, Enter: 13 };
    const windowsVirtualKeyCode = codes[key]!;
    const text = key === "Enter" ? { text: "\r" } : {};
    const event = { key, code: key, windowsVirtualKeyCode };
    await this.#call("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...text });
    await this.#call("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** Types a text where the focus is. */
  async type(text: string): Promise<void> {
    await this.#call("Input.insertText", { text });
  }

  /** What the page looks like: writes a PNG. */
  async screenshot(path: string): Promise<void> {
    const { data } = await this.#call("Page.captureScreenshot", { format: "png" });
    writeFileSync(path, Buffer.from(data as string, "base64"));
  }

  /** Hears of an event of the protocol's. */
  hear(method: string, params: Json): void {
    if (method === "Page.loadEventFired") this.#loaded.resolve();
    if (method === "Runtime.bindingCalled") {
      this.#exposed.get(params["name"] as string)?.(params["payload"] as string);
    }
    if (method === "Runtime.consoleAPICalled") {
      const args = params["args"] as { value?: unknown; description?: string }[];
      this.console.push(args.map((arg) => String(arg.value ?? arg.description)).join(" "));
    }
    if (method === "Log.entryAdded") this.console.push((params["entry"] as { text: string }).text);
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
