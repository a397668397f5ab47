/**
 * Stand-in for `jsr:@std/testing/bdd` on Deno: see ../README.md. The real one makes each outermost
 * suite one `Deno.test` and everything in it a step. Deno looks for leaks only at the end of a
 * `Deno.test`, so this one makes each case its own, named "suite > inner suite > case", and the case
 * that leaks is the one that fails. A suite with a `beforeAll` or `afterAll` stays whole, since what
 * its hooks open outlives its cases.
 */

type Body = () => void | Promise<void>;

class Suite {
  readonly name: string;
  readonly children: (Suite | Case)[] = [];
  readonly beforeAll: Body[] = [];
  readonly afterAll: Body[] = [];
  readonly beforeEach: Body[] = [];
  readonly afterEach: Body[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

interface Case {
  readonly name: string;
  readonly body: Body;
}

let current: Suite | undefined;

/** Registers a suite: the cases, hooks and suites that `fn` registers. */
export function describe(name: string, fn: () => void): void {
  const suite = new Suite(name);
  const outer = current;
  current = suite;
  try {
    fn();
  } finally {
    current = outer;
  }
  if (outer) outer.children.push(suite);
  else register(suite, [suite]);
}

/** Registers a case. */
export function it(name: string, fn: Body): void {
  if (current) current.children.push({ name, body: fn });
  else Deno.test(name, fn);
}

/** Registers a hook that runs once, before the first case of the suite. */
export function beforeAll(fn: Body): void {
  hooks("beforeAll").push(fn);
}

/** Registers a hook that runs once, after the last case of the suite, whatever became of it. */
export function afterAll(fn: Body): void {
  hooks("afterAll").push(fn);
}

/** Registers a hook that runs before each case of the suite and of the suites in it. */
export function beforeEach(fn: Body): void {
  hooks("beforeEach").push(fn);
}

/** Registers a hook that runs after each case of the suite and of the suites in it. */
export function afterEach(fn: Body): void {
  hooks("afterEach").push(fn);
}

export { afterAll as after, beforeAll as before, it as test };

function hooks(kind: "beforeAll" | "afterAll" | "beforeEach" | "afterEach"): Body[] {
  // A hook outside of any suite makes one of the rest of the file, which is still to come.
  if (!current) registerWhole(current = new Suite("global"), [current]);
  return current[kind];
}

function register(suite: Suite, path: Suite[]): void {
  if (suite.beforeAll.length + suite.afterAll.length > 0) return registerWhole(suite, path);
  for (const child of suite.children) {
    if (child instanceof Suite) register(child, [...path, child]);
    else Deno.test(nameOf([...path, child]), () => runCase(child, path));
  }
}

function registerWhole(suite: Suite, path: Suite[]): void {
  Deno.test(nameOf(path), (t) => runSuite(suite, path, t));
}

function nameOf(path: { name: string }[]): string {
  return path.map(({ name }) => name).join(" > ");
}

async function runSuite(suite: Suite, path: Suite[], t: Deno.TestContext): Promise<void> {
  try {
    for (const hook of suite.beforeAll) await hook();
    for (const child of suite.children) {
      const fn = child instanceof Suite
        ? (t: Deno.TestContext) => runSuite(child, [...path, child], t)
        : () => runCase(child, path);
      await t.step(child.name, fn);
    }
  } finally {
    for (const hook of suite.afterAll) await hook();
  }
}

async function runCase({ body }: Case, path: Suite[]): Promise<void> {
  try {
    for (const suite of path) {
      for (const hook of suite.beforeEach) await hook();
    }
    await body();
  } finally {
    for (const suite of path.toReversed()) {
      for (const hook of suite.afterEach) await hook();
    }
  }
}
