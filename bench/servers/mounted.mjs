// @ts-check
/** This module in a server of the runtime's own, which answers what is no upgrade. */
import { ready } from "./common.mjs";
import { makeAnswering, mountInHost } from "./our_server.mjs";

ready(await mountInHost(makeAnswering()));
