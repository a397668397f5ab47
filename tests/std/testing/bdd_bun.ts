/** Stand-in for `jsr:@std/testing/bdd` on Bun: its own runner has all of it. See ../README.md. */
export {
  afterAll,
  afterAll as after,
  afterEach,
  beforeAll,
  beforeAll as before,
  beforeEach,
  describe,
  test,
  test as it,
} from "bun:test";
