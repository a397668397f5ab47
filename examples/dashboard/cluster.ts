/** What a dashboard knows of the other dashboards that share its log, and tells them of itself. */

import process from "node:process";
import type { WebSocketServer } from "@netkit/websocket";
import { redisBroker, type RedisClient } from "@netkit/websocket/redis";

/** The topics that the load is in. */
const TOPICS = ["chess", "go", "news", "weather"];

/** After how long a server that says nothing is no more shown, in ms. */
const SILENT_MS = 3000;

/** What the page shows of one server. */
export interface NodeFigures {
  node: string;
  connections: number;
  messagesPerSecond: number;
  /** How long an entry takes through the log, in ms, where there was one. */
  lag?: number | undefined;
}

/** What the page shows of all. */
export interface ClusterFigures {
  /** The server that tells it. */
  node: string;
  isUp: boolean;
  /** How often entries of the log were missed. */
  gaps: number;
  nodes: NodeFigures[];
  topics: { topic: string; present: number }[];
}

/** One server among several that share a log in Redis. */
export class Cluster {
  readonly node: string = `${navigator.userAgent.replace("/", " ")}, process ${process.pid}`;
  readonly options;
  readonly #nodes = new Map<string, NodeFigures & { at: number }>();
  #isUp = true;
  #joined = 0;

  /** @param open Makes a client of Redis. */
  constructor(open: () => RedisClient) {
    const broker = redisBroker({ open });
    this.options = { broker, node: this.node, presence: { lease: 3 } };
  }

  /** Hears the others, and has the load be in topics. */
  watch(server: WebSocketServer<{ isPage: boolean }>): void {
    server.subscribe("dashboards", ({ data }) => {
      const figures = JSON.parse(String(data)) as NodeFigures;
      this.#nodes.set(figures.node, { ...figures, at: performance.now() });
    });
    server.on("broker", ({ up }) => this.#isUp = up);
    server.on("connect", (connection) => {
      if (connection.context.isPage) return;
      void server.join(connection, TOPICS[this.#joined++ % TOPICS.length]!);
    });
  }

  /** Tells the others how this server is, and gives what is known of all. */
  exchange(
    server: WebSocketServer<{ isPage: boolean }>,
    figures: Omit<NodeFigures, "node" | "lag">,
  ): ClusterFigures {
    const { lag, gaps } = server.stats()!.broker!;
    const own = { node: this.node, ...figures, lag };
    // Where the log is away the others hear of it later, or not at all: the next figures are newer.
    server.publish("dashboards", JSON.stringify(own)).catch(() => {});
    this.#nodes.set(this.node, { ...own, at: performance.now() });
    for (const [node, { at }] of this.#nodes) {
      if (performance.now() - at > SILENT_MS) this.#nodes.delete(node);
    }
    const nodes = Array.from(this.#nodes.values(), ({ at: _, ...node }) => node);
    return {
      node: this.node,
      isUp: this.#isUp,
      gaps,
      nodes: nodes.sort((a, b) => a.node < b.node ? -1 : 1),
      topics: TOPICS.map((topic) => ({ topic, present: server.presence(topic).length })),
    };
  }

  /** Lets go of the log. */
  async close(): Promise<void> {
    await this.options.broker.close();
  }
}
