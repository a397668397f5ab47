// @ts-check
/** This module's server, one of several by a log in memory, which keeps the past of its topic. */
import { ready } from "./common.mjs";
import { load, makeServer, start } from "./our_server.mjs";

/** @type {typeof import("../../cluster.ts")} */
const { memoryBroker } = await load("cluster.ts");

const ALL = "all";
const server = makeServer({ broker: memoryBroker(), history: true });
server.on("connect", (connection) => void server.join(connection, ALL));
server.on("messageReceive", ({ data }) => void server.publish(ALL, data));
ready(await start(server));
