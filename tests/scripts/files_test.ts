/** Which files `--quick` runs: what tests/README.md says; and which are said to take long. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  isQuick,
  isTimed,
  LONG_FILES,
  LONG_SUITES,
  LONGER_FILES,
  LONGEST_FILES,
  testFiles,
} from "../../scripts/lib/files.mjs";
import { ROOT } from "../helpers/programs.ts";

const [, page = ""] = readFileSync(join(ROOT, "tests/README.md"), "utf8").split("\n## Quick\n");
const points = page.split("\n## ")[0]!.split("\n- ").slice(1);
const [suites, files] = points.map((point) =>
  Array.from(point.matchAll(/`(.+?)`/g), ([, name]) => name)
);

describe("--quick", () => {
  it("leaves out the suites that tests/README.md names", () => {
    assertEquals(suites, LONG_SUITES);
    for (const suite of LONG_SUITES) {
      const all = testFiles([]).filter((file) => file.startsWith(`tests/${suite}/`));
      assert(all.length > 0 && !all.some(isQuick), suite);
    }
  });

  it("leaves out the files that tests/README.md names, each of which is there", () => {
    assertEquals(files, LONG_FILES);
    for (const name of LONG_FILES) {
      assert(
        testFiles([]).some((file) => file.startsWith(`tests/${name}`) && !isQuick(file)),
        name,
      );
    }
  });

  it("runs all the others", () => {
    const named = [...LONG_SUITES.map((suite) => `${suite}/`), ...LONG_FILES];
    const others = testFiles([]).filter((file) =>
      !named.some((name) => file.startsWith(`tests/${name}`))
    );
    assertEquals(testFiles([]).filter(isQuick), others);
    assert(others.length > 100);
  });
});

describe("how long a file may take", () => {
  it("is said of files that are there, and once", () => {
    const named = [...LONGEST_FILES, ...LONGER_FILES].map((name) => `tests/${name}test.ts`);
    assertEquals(named.filter((file) => !testFiles([]).includes(file)), []);
    assertEquals(new Set(named).size, named.length);
  });
});

describe("a round", () => {
  it("is of the files that measure time or wait for it", () => {
    const timed = testFiles([]).filter(isTimed);
    for (const name of ["heartbeat/dead_peer", "server/authorize", "pair/scale", "cluster/drain"]) {
      assert(timed.includes(`tests/${name}_test.ts`), name);
    }
    for (const name of ["errors", "client/url", "scripts/files"]) {
      assert(!timed.includes(`tests/${name}_test.ts`), name);
    }
  });
});
