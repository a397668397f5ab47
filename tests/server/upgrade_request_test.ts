import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { handshakeFault, isUpgrade } from "../../server/upgrade_request.ts";

const GOOD: Record<string, string> = {
  host: "localhost",
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function request(changes: Record<string, string | undefined> = {}, method = "GET"): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...GOOD, ...changes })) {
    if (value !== undefined) headers.set(name, value);
  }
  return new Request("http://localhost/", { method, headers });
}

describe("isUpgrade()", () => {
  it("is true for a WebSocket, in any case and any list", () => {
    for (const upgrade of ["websocket", "WebSocket", "h2c, websocket", " websocket ,x"]) {
      assertEquals(isUpgrade(request({ upgrade })), true, upgrade);
    }
  });

  it("is false for anything else", () => {
    for (const upgrade of [undefined, "", "h2c", "websockets", "websocket2", "web socket"]) {
      assertEquals(isUpgrade(request({ upgrade })), false, upgrade);
    }
  });
});

describe("handshakeFault()", () => {
  it("finds nothing wrong with the RFC's own example", () => {
    assertEquals(handshakeFault(request()), undefined);
    assertEquals(handshakeFault(request({ connection: "keep-alive, upgrade" })), undefined);
  });

  it("answers 405 to any other method and says which is allowed", () => {
    for (const method of ["POST", "HEAD", "PUT", "OPTIONS"]) {
      const fault = handshakeFault(request({}, method));
      assertEquals([fault?.status, fault?.headers], [405, { allow: "GET" }]);
      assertEquals(fault?.why, `the method is ${method}`);
    }
  });

  it("shows no more of a method than of any text that others wrote", () => {
    const fault = handshakeFault({
      ...request({}),
      headers: new Headers(),
      method: "M".repeat(10_000),
    });
    assertEquals(fault?.why, `the method is ${"M".repeat(200)}…`);
  });

  it("answers 400 where Connection does not say Upgrade", () => {
    for (const connection of [undefined, "", "keep-alive", "upgraded", "not-upgrade"]) {
      const fault = handshakeFault(request({ connection }));
      assertEquals([fault?.status, fault?.why], [400, "Connection does not say Upgrade"]);
    }
  });

  it("answers 426 and names version 13 for any other", () => {
    for (const version of [undefined, "", "8", "12", "14", "013", "13, 8", "13.0"]) {
      const fault = handshakeFault(request({ "sec-websocket-version": version }));
      assertEquals([fault?.status, fault?.headers], [426, { "sec-websocket-version": "13" }]);
      assertEquals(fault?.why, "Sec-WebSocket-Version is not 13");
    }
  });

  it("answers 400 to a key that is not 16 bytes in Base64", () => {
    const good = ["AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+w=="];
    for (const key of good) {
      assertEquals(handshakeFault(request({ "sec-websocket-key": key })), undefined, key);
    }
    const bad = [undefined, "", "short", "dGhlIHNhbXBsZSBub25jZQ", "AAAAAAAAAAAAAAAAAAAAAAA="];
    bad.push("AAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB==", "AAAAAAAAAA-_AAAAAAAAAA==");
    bad.push("dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==");
    for (const key of bad) {
      const fault = handshakeFault(request({ "sec-websocket-key": key }));
      const why = "Sec-WebSocket-Key is not 16 bytes in Base64";
      assertEquals([key, fault?.status, fault?.why], [key, 400, why]);
    }
  });

  it("answers 400 to subprotocols that are no tokens, and takes empty ones and one twice", () => {
    for (const protocol of ["a", "a, b", "a ,b", "", ",", "a,,b", "a, a", "a+resume.netkit.1"]) {
      const fault = handshakeFault(request({ "sec-websocket-protocol": protocol }));
      assertEquals([protocol, fault], [protocol, undefined]);
    }
    for (const protocol of ["a b", "a, (x)", '"a", b', "a/1", "\xe9, a", "a b+resume.netkit.1"]) {
      const fault = handshakeFault(request({ "sec-websocket-protocol": protocol }));
      const why = "Sec-WebSocket-Protocol is no list of tokens";
      const { status, reason } = fault ?? {};
      assertEquals([protocol, status, reason, fault?.why], [
        protocol,
        400,
        "invalid_handshake",
        why,
      ]);
    }
  });
});
