/** As much of two other kits as the chat page asks for: a toast is a line, and so is a log. */

export const promptAction = {
  showToast: ({ message }: { message: string; duration?: number }): void => console.log(`[toast] ${message}`),
};

const log = (_domain: number, tag: string, format: string, ...args: unknown[]): void =>
  console.log(`${tag}: ${format.replace(/%(\{\w+\})?[sdif]/g, () => String(args.shift()))}`);
export const hilog = { debug: log, info: log, warn: log, error: log, fatal: log };
