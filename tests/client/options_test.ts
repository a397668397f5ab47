import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type ConnectOptions, readConnectOptions } from "../../client/options.ts";
import { BusinessError } from "../../errors.ts";

function refused(options: unknown): BusinessError {
  const error = readConnectOptions(options);
  assertInstanceOf(error, BusinessError);
  assertEquals(error.code, 401);
  return error;
}

describe("readConnectOptions()", () => {
  it("takes a proxy's address with or without brackets, and refuses what is no host", () => {
    for (const host of ["::1", "[::1]", "127.0.0.1", "proxy.example"]) {
      const read = readConnectOptions({ proxy: { host, port: 1 } });
      assert(!(read instanceof Error), host);
      assertEquals((read.proxy as { host: string }).host, host);
    }
    for (const host of ["", "::g", "[::1", "a b", "a/b", "user@host"]) {
      assertStringIncludes(refused({ proxy: { host, port: 1 } }).message, "'proxy'");
    }
  });

  it("takes the same subprotocols in 'protocol' and 'header', and refuses others", () => {
    const header = { "Sec-WebSocket-Protocol": "a, b" };
    const read = readConnectOptions({ header, protocol: "a,b" }) as ConnectOptions;
    assertEquals([read.protocols, read.headers], [["a", "b"], {}]);
    const { message } = refused({ header, protocol: "b" });
    assertStringIncludes(
      message,
      "'protocol' must be what 'header' says too: current value is text, which is not shown",
    );
  });

  it("refuses a header that cannot be read", () => {
    const refuse = () => {
      throw new RangeError("no");
    };
    for (
      const [header, why] of [
        [new Proxy({}, { ownKeys: refuse }), "options cannot be read: RangeError: no"],
        // One of a class is not copied before it is looked at.
        [
          Object.defineProperty(new class {}(), "x-a", { enumerable: true, get: refuse }),
          "'header' must be one that can be read: current value is RangeError: no",
        ],
      ] as const
    ) {
      assertStringIncludes(refused({ header }).message, why);
    }
  });
});
