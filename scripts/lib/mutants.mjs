// @ts-check
/** The faults that can be planted in a source file, one at a time. */
import { parse } from "@babel/parser";
import { createInstrumenter } from "@stryker-mutator/instrumenter";
import { createInjector } from "typed-inject";

/**
 * @typedef {object} Mutant
 * @property {number} line From 1.
 * @property {string} name What kind of fault it is.
 * @property {string} was What stands there.
 * @property {string} is What stands there with the fault.
 * @property {number} start Where it begins in the file.
 * @property {number} end
 * @property {string | undefined} [same] Where another fault that does the same begins and ends, and what stands there with it.
 */

/** @typedef {{ line: number, column: number }} Place A place of Stryker's, where both count from 0. */

/** Stryker's parts log by a logger that they are given. */
const SILENT = new Proxy({}, {
  get: (_, name) => () => String(name).startsWith("is") ? false : undefined,
});

/** A statement of one line that is a call, an assignment, or a deletion: it is left out. */
const STATEMENT =
  /^[ ]{4,}((?:void |await |delete )?(?:this|[a-z]\w*)(?:[.?]+#?\w+|\[\w+\])*(?:\(.*\)| (?:\?\?|\+|-)?= .+|\+\+|--)?;)(?: \/\/.*)?$/;

/** A number that is no part of a name, a text or a comment. */
const NUMBER = /(?<![\w.#"'`$]|\| )\d[\d_]*(?:\.\d+)?(?![\w."'`]| \|)/g;

/**
 * All faults for a file, in the order of where they are.
 *
 * @param {string} file
 * @param {string} source
 * @returns {Promise<Mutant[]>}
 */
export async function mutantsOf(file, source) {
  /** @type {Map<string, Mutant>} */
  const found = new Map();
  for (const mutant of [...await byStryker(file, source), ...ownMutants(source)]) {
    if (mutant.same !== undefined && found.has(mutant.same)) continue;
    found.set(`${mutant.start} ${mutant.end} ${mutant.is}`, mutant);
  }
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

/**
 * The faults that Stryker's mutators do not make: operands and statements left out, what is copied in place of its
 * copy, and numbers that are one more.
 *
 * @param {string} source
 * @returns {Mutant[]}
 */
export function ownMutants(source) {
  const starts = startsOf(source);
  /** @type {Mutant[]} */
  const found = [];
  /** @param {string} name @param {number} start @param {number} end @param {string} is @param {string} [same] */
  const add = (name, start, end, is, same) => {
    const line = starts.findLastIndex((at) => at <= start) + 1;
    found.push({ line, name, was: source.slice(start, end), is, start, end, same });
  };
  for (const { name, start, end, is, same } of byTree(source)) add(name, start, end, is, same);
  for (const [index, line] of source.split("\n").entries()) {
    const from = starts[index] ?? 0;
    const statement = STATEMENT.exec(line)?.[1];
    if (statement !== undefined && !statement.startsWith("return")) {
      const at = from + line.indexOf(statement);
      add("StatementRemoval", at, at + statement.length, ";");
    }
    if (
      /^\s*(?:\/?\*|\/\/|import|export type|type|declare|(?:static )?readonly \w+: \d|\|)/.test(
        line,
      )
    ) continue;
    const code = line.replace(/\s\/\/.*/, "").replace(
      /(["'`]).*?\1/g,
      (text) => '"'.repeat(text.length),
    );
    for (const { 0: digits, index: column } of code.matchAll(NUMBER)) {
      const number = Number(digits.replaceAll("_", ""));
      add("NumberLiteral", from + column, from + column + digits.length, String(number + 1));
    }
  }
  return found;
}

/** Where each line begins. @param {string} source */
function startsOf(source) {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) {
    starts.push(at + 1);
  }
  return starts;
}

/**
 * One operand of `&&`, `||` or `??` left out, and the thing itself where a copy of it stands.
 *
 * @param {string} source
 * @returns {Generator<{ name: string, start: number, end: number, is: string, same?: string | undefined }>}
 */
function* byTree(source) {
  /** @param {any} node */
  const textOf = ({ start, end }) => source.slice(start, end);
  /**
   * Of `&&` an operand that is always true, and of `||` one that is always false, does the same as none.
   *
   * @param {any} node
   * @param {string} operator
   * @returns {string | undefined}
   */
  const sameAsWithout = ({ type, start, end, expression }, operator) => {
    if (type === "ParenthesizedExpression") return sameAsWithout(expression, operator);
    return operator === "??" ? undefined : `${start} ${end} ${operator === "&&"}`;
  };
  /** @type {any[]} */
  const nodes = [
    parse(source, {
      sourceType: "module",
      plugins: ["typescript"],
      createParenthesizedExpressions: true, // an operand keeps its parentheses
    }).program,
  ];
  for (const node of nodes) {
    const { type, start, end, left, right, operator } = node;
    if (type === "LogicalExpression") {
      const name = "OperandRemoval";
      yield { name, start, end, is: textOf(left), same: sameAsWithout(right, operator) };
      // Of `a && b && c`, the first two are the left operand, of which each is left out by itself.
      if (left.operator !== operator) {
        yield { name, start, end, is: textOf(right), same: sameAsWithout(left, operator) };
      }
    }
    const [only, another] = (type === "ArrayExpression" ? node.elements : node.properties) ?? [];
    if (/^(?:Array|Object)Expression$/.test(type) && !another && only?.type === "SpreadElement") {
      yield { name: "CopyRemoval", start, end, is: textOf(only.argument) };
    }
    nodes.push(...Object.values(node).flat().filter((inner) => typeof inner?.type === "string"));
  }
}

/** @param {string} file @param {string} source @returns {Promise<Mutant[]>} */
async function byStryker(file, source) {
  const getLogger = Object.assign(() => () => SILENT, { inject: /** @type {const} */ ([]) });
  const injector = createInjector()
    .provideValue("logger", SILENT)
    .provideFactory("getLogger", getLogger);
  const instrumenter = injector.injectFunction(/** @type {any} */ (createInstrumenter));
  const options = { plugins: null, excludedMutations: [], ignorers: [] };
  /** @type {{ mutants: { mutatorName: string, location: Record<"start" | "end", Place>, replacement: string }[] }} */
  const { mutants } = await instrumenter.instrument(
    [{ name: file, content: source, mutate: true }],
    options,
  );
  const starts = startsOf(source);
  /** @param {Place} at */
  const placeOf = ({ line, column }) => (starts[line] ?? 0) + column;
  return mutants.map(({ mutatorName: name, location, replacement: is }) => {
    const start = placeOf(location.start);
    const end = placeOf(location.end);
    return { line: location.start.line + 1, name, was: source.slice(start, end), is, start, end };
  });
}
