/** A socket over TLS: with an authority of one's own, and the URL as `https`. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { TLSSocket } from "node:tls";
import { createWebSocketServer } from "../../mod.ts";
import { wsServer } from "../../node.ts";
import { socketOf, webSocketClass } from "../../standard.ts";
import { Certificates } from "../helpers/certificates.ts";
import { logOf, next } from "../helpers/sockets.ts";
import { until } from "../helpers/until.ts";

const made = new Certificates();
const ca = made.authority("ca");
const serverCert = made.leaf(ca);

describe("a socket over TLS", () => {
  it("opens where the authority is known, says and hears, and fails where it is not", async () => {
    const server = createWebSocketServer();
    const secure: boolean[] = [];
    wsServer(server).on("connection", (socket, request) => {
      const { encrypted } = request.socket as TLSSocket; // which libraries make a URL of
      secure.push(encrypted, Reflect.get(socket, "_socket").encrypted);
    });
    server.on("connect", (connection) => {
      const socket = socketOf(server, connection);
      socket.onmessage = ({ data }) => socket.send(data);
    });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1", serverCert, protocol: "echo" });
    const url = `https://localhost:${server.address!.port}/a`;
    const Trusting = webSocketClass({ caPath: ca.certPath });
    const ws = new Trusting(url, ["echo", "chat"]);
    assertEquals(ws.url, url.replace("https", "wss"));
    await next(ws, "open");
    assertEquals([ws.protocol, ws.extensions], ["echo", ""]);
    ws.send("hello");
    const { data, origin } = await next(ws, "message");
    assertEquals([data, origin], ["hello", new URL(ws.url).origin]);
    assertEquals(secure, [true, true]);
    ws.close(3000, "done");
    const { code, reason, wasClean } = await next(ws, "close");
    assertEquals([code, reason, wasClean], [3000, "done", true]);

    const log = logOf(new (webSocketClass({}))(url, "echo"));
    await until("both are told", () => log.length >= 2);
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    await server.stop();
  });
});
