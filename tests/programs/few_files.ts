/**
 * A server that sends back what it is sent, in a process that may open few files. It prints who connects and each
 * 'error'; "stop" stops it, and it must then end by itself. What it was asked for before is answered meanwhile.
 */

import { createWebSocketServer } from "../../mod.ts";

const server = createWebSocketServer();
server.on("connect", () => console.log("connect"));
server.on("error", ({ kind, message }) => console.log(`error ${kind} ${message}`));
server.on("messageReceive", ({ clientConnection, data }) => {
  if (data === "stop") {
    void server.stop().then(() => console.log("stopped"));
    setTimeout(() => {
      console.log("answers");
      answer.resolve(new Response("late"));
    }, 200);
  } else void server.send(data, clientConnection);
});
const answer = Promise.withResolvers<Response>();
const fetch = () => {
  console.log("asked");
  return answer.promise;
};
await server.start({ serverPort: 0, serverIP: "127.0.0.1", fetch });
console.log("port", server.address!.port);
