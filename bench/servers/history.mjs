// @ts-check
/** This module's server, one of several by a log in memory, which keeps the past of its topic. */
import { memoryBroker } from "../../cluster.ts";
import { ready } from "./common.mjs";
import { makeServer, start } from "./our_server.mjs";

const ALL = "all";
const server = makeServer({ broker: memoryBroker(), history: true });
server.on("connect", (connection) => void server.join(connection, ALL));
server.on("messageReceive", ({ data }) => void server.publish(ALL, data));
ready(await start(server));
