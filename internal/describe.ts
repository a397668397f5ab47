/** Says in a few words what a value is, for error messages. Never throws, and is never long. */
export function describe(value: unknown): string {
  try {
    if (typeof value === "string") return JSON.stringify(shorten(value));
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "function") return "a function";
    if (value instanceof Error) return shorten(`${value.name}: ${value.message}`);
    if (Array.isArray(value)) return `an array of ${value.length}`;
    if (typeof value === "object" && value !== null) {
      return `an object (${shorten(Object.prototype.toString.call(value).slice(8, -1))})`;
    }
    return String(value);
  } catch {
    return `a ${typeof value}`;
  }
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
