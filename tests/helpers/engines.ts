/** Redis, Valkey and NATS from Debian, in processes of their own, which may be killed and robbed of all. */

import { assert } from "@std/assert";
import { delay } from "@std/async";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { system } from "../../scripts/setup.mjs";
import { freePort, Program } from "./programs.ts";

// Found, and installed where missing, before any test: what that leaves running is no test's leak.
const binaries = { redis: await system("redis-server"), nats: await system("nats-server") };

/** A server with its data in a folder of its own. */
export abstract class Engine implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  #program: Program | undefined;
  #snapshots = 0;

  protected constructor(port: number) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), "engine-"));
    mkdirSync(this.data);
  }

  /** The number of its process. */
  get pid(): number {
    return this.#program!.child.pid!;
  }

  /** Where what it keeps is. */
  get data(): string {
    return join(this.folder, "data");
  }

  protected abstract command(): string[];
  /** Whether it answers by now. */
  protected abstract answers(): Promise<boolean>;

  /** Starts, and waits until it answers. */
  async start(): Promise<this> {
    const program = this.#program = Program.start(this.command());
    const end = performance.now() + 30_000;
    while (!await this.answers()) {
      const log = `${program.stdout}${program.stderr}`;
      assert(
        performance.now() < end && program.child.exitCode === null,
        `it is not there:\n${log}`,
      );
      await delay(10);
    }
    return this;
  }

  /** Ends it with no warning. */
  async kill(): Promise<void> {
    this.#program?.kill("SIGKILL");
    await this.#program?.ended;
  }

  /** Kills it and starts it again with what it has. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Stops it in the middle of whatever it does. */
  freeze(): void {
    process.kill(this.#program!.child.pid!, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.#program!.child.pid!, "SIGCONT");
  }

  /** Kills it and starts it again with nothing. */
  async empty(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
    mkdirSync(this.data);
    await this.start();
  }

  /** Notes what it has by now; what is returned kills it and starts it with that. */
  async snapshot(): Promise<() => Promise<void>> {
    const copy = join(this.folder, `snapshot-${++this.#snapshots}`);
    await this.kill();
    cpSync(this.data, copy, { recursive: true });
    await this.start();
    return async () => {
      await this.kill();
      rmSync(this.data, { recursive: true, force: true });
      cpSync(copy, this.data, { recursive: true });
      await this.start();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A Redis, or a Valkey. Each answer is on disk. */
export class RedisServer extends Engine {
  readonly #command: string[];

  private constructor(port: number, command: string[]) {
    super(port);
    this.#command = command;
  }

  /** Starts Redis, or what `REDIS_SERVER` names, on a free port of 127.0.0.1, with more arguments. */
  static async run(...args: string[]): Promise<RedisServer> {
    return await RedisServer.of(binaries.redis!, ...args);
  }

  /** Starts another program that is like it. */
  static async of(program: string, ...args: string[]): Promise<RedisServer> {
    return await new RedisServer(await freePort(), [program, ...args]).start();
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Sends commands over a connection of its own; resolves with the replies as they came. */
  async say(...commands: string[]): Promise<string> {
    const socket = await open(this.port);
    try {
      socket.write([...commands, "PING the-end"].map((line) => `${line}\r\n`).join(""));
      let reply = "";
      for await (const chunk of socket) {
        reply += new TextDecoder().decode(chunk as Uint8Array);
        if (reply.endsWith("the-end\r\n") || /-(NOAUTH|NOPERM|LOADING).*\r\n$/.test(reply)) break;
      }
      return reply.replace(/\$7\r\nthe-end\r\n$/, "");
    } finally {
      await destroy(socket);
    }
  }

  protected command(): string[] {
    const [program = "", ...args] = this.#command;
    return [
      ...[program, "--port", String(this.port), "--bind", "127.0.0.1"],
      ...["--dir", this.data, "--save", "", "--appendonly", "yes", "--appendfsync", "always"],
      ...["--aof-load-truncated", "yes", "--loglevel", "warning", ...args],
    ];
  }

  protected async answers(): Promise<boolean> {
    const reply = await this.say("ECHO there").catch(() => "");
    return /there|NOAUTH|NOPERM/.test(reply);
  }
}

/** A NATS with JetStream. */
export class NatsServer extends Engine {
  readonly #config: string;

  private constructor(port: number, config: string) {
    super(port);
    this.#config = config;
  }

  /** Starts on a free port of 127.0.0.1, with more of a configuration. */
  static async run(config = ""): Promise<NatsServer> {
    return await new NatsServer(await freePort(), config).start();
  }

  get url(): string {
    return `127.0.0.1:${this.port}`;
  }

  protected command(): string[] {
    const path = join(this.folder, "nats.conf");
    writeFileSync(
      path,
      `listen: "127.0.0.1:${this.port}"
      jetstream { store_dir: "${this.data}", max_mem: 256M, max_file: 1G, domain: "" }
      ${this.#config}`.replace(', domain: ""', ""),
    );
    return [binaries.nats!, "-c", path];
  }

  protected async answers(): Promise<boolean> {
    const socket = await open(this.port).catch(() => undefined);
    if (socket === undefined) return false;
    try {
      for await (const chunk of socket) {
        const text = new TextDecoder().decode(chunk as Uint8Array);
        if (text.startsWith("INFO")) return text.includes('"jetstream":true');
      }
      return false;
    } catch {
      return false;
    } finally {
      await destroy(socket);
    }
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(socket)).once("error", reject);
  });
}

async function destroy(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  socket.destroy();
  await closed;
}
