import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  canonicalAddress,
  ConnectionHandle,
  connectionKey,
  plainAddress,
} from "../../server/handle.ts";

const ASKED = { url: "/", protocol: "" };

describe("Connection", () => {
  it("shows its address and nothing else", () => {
    const connection = new ConnectionHandle("127.0.0.1", 80, { ...ASKED, secret: true });
    assertEquals(Object.keys(connection), ["clientIP", "clientPort"]);
    assertEquals(JSON.stringify(connection), '{"clientIP":"127.0.0.1","clientPort":80}');
    assertEquals({ ...connection }, { clientIP: "127.0.0.1", clientPort: 80 });
  });

  it("is frozen", () => {
    const connection = new ConnectionHandle("127.0.0.1", 80, ASKED);
    assert(Object.isFrozen(connection));
    assertThrows(() => (connection as { clientPort: number }).clientPort = 1, TypeError);
  });

  it("is ip:port as text, [ip]:port for IPv6", () => {
    assertEquals(String(new ConnectionHandle("10.0.0.1", 65_535, ASKED)), "10.0.0.1:65535");
    assertEquals(`${new ConnectionHandle("::1", 1, ASKED)}`, "[::1]:1");
    assertEquals(connectionKey("fe80::1", 2), "[fe80::1]:2");
  });
});

describe("ConnectionHandle.connectionOf()", () => {
  it("finds what is behind a connection, and nothing behind a copy", () => {
    const peer = { ...ASKED };
    const connection = new ConnectionHandle("127.0.0.1", 80, peer);
    assertStrictEquals(ConnectionHandle.connectionOf(connection), peer);
    const others = [{ ...connection }, {}, [], Object.create(connection), null, undefined, 5, "x"];
    for (const other of others) {
      assertEquals(ConnectionHandle.connectionOf(other), undefined);
    }
  });
});

describe("plainAddress()", () => {
  it("is plain IPv4 for an IPv4 peer of a dual-stack socket", () => {
    assertEquals(plainAddress("::ffff:1.2.3.4"), "1.2.3.4");
    assertEquals(plainAddress("::FFFF:127.0.0.1"), "127.0.0.1");
    assertEquals(plainAddress("::ffff:210.220.230.240"), "210.220.230.240");
  });

  it("is the address that a copy of a connection is looked up by", () => {
    for (const ip of ["1.2.3.4", "::1", "fe80::1%eth0", "unix", ""]) {
      assertEquals(plainAddress(ip), ip);
    }
    for (const ip of ["::ffff:102:304", "::ffff:0:1.2.3.4", "::1.2.3.4", "2001:DB8::1", "0::1"]) {
      assertEquals(plainAddress(ip), canonicalAddress(ip));
    }
  });
});

describe("canonicalAddress()", () => {
  it("has one spelling for an address, plain IPv4 where it is that", () => {
    const spellings = {
      "1.2.3.4": ["1.2.3.4", "::ffff:1.2.3.4", "::ffff:102:304", "0:0:0:0:0:FFFF:0102:0304"],
      "255.0.255.0": ["::ffff:ff00:ff00"],
      "::1": ["::1", "0::1", "0:0:0:0:0:0:0:1"],
      "2001:db8::a": ["2001:DB8:0::000A"],
    };
    for (const [address, all] of Object.entries(spellings)) {
      for (const one of all) assertEquals(canonicalAddress(one), address);
    }
  });

  it("leaves what is no address as it is", () => {
    for (const text of ["", "unix", "fe80::1%eth0", "::x", "1:2"]) {
      assertEquals(canonicalAddress(text), text);
    }
  });
});
