/** Deep equality, for {@link "./assert.ts"}. */

/** Whether two values are deeply equal: same constructors, same keys, same contents. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

function compare(a: unknown, b: unknown, seen: Map<object, object>): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (constructorOf(a) !== constructorOf(b)) return false;
  // A pair that is being compared further up is equal unless something else differs.
  if (seen.get(a) === b) return true;
  if (a instanceof TypedArray && b instanceof TypedArray) return sameElements(a, b);
  seen.set(a, b);
  return sameContents(a, b, seen) && sameProperties(a, b, seen);
}

/** An object without a prototype, such as a table of headers, equals a literal. */
function constructorOf(value: object): unknown {
  return value.constructor ?? Object;
}

/** What all typed arrays are. */
const TypedArray = Object.getPrototypeOf(Uint8Array) as abstract new () => Uint8Array;

/** A typed array has millions of properties, which are not asked for one by one. */
function sameElements(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length &&
    a.every((element, i) => Object.is(element, b[i]) || element === b[i]);
}

/** What an object holds besides its enumerable properties. */
function sameContents(a: object, b: object, seen: Map<object, object>): boolean {
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (a instanceof Error && b instanceof Error) return a.message === b.message && a.name === b.name;
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
    return compare(new Uint8Array(a), new Uint8Array(b), seen);
  }
  if (a instanceof Map && b instanceof Map) return sameMembers([...a], [...b], seen);
  if (a instanceof Set && b instanceof Set) return sameMembers([...a], [...b], seen);
  return true;
}

/** Members in any order, each matched with one of the others. */
function sameMembers(a: unknown[], b: unknown[], seen: Map<object, object>): boolean {
  if (a.length !== b.length) return false;
  const rest = [...b];
  return a.every((member) => {
    const match = rest.findIndex((other) => compare(member, other, new Map(seen)));
    if (match >= 0) rest.splice(match, 1);
    return match >= 0;
  });
}

function sameProperties(a: object, b: object, seen: Map<object, object>): boolean {
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
  const keys = enumerableKeys(a);
  return keys.length === enumerableKeys(b).length &&
    keys.every((key) =>
      Object.hasOwn(b, key) && compare(Reflect.get(a, key), Reflect.get(b, key), seen)
    );
}

function enumerableKeys(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  );
}
