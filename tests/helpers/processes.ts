/** Processes, by what Linux tells of them. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/**
 * The processes that a folder is named to in their environment, or that work in it, by their numbers, where the
 * system tells. Redis writes its title over its environment.
 */
export function processesWith(folder: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && (readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder) ||
        readlinkSync(`/proc/${pid}/cwd`).startsWith(folder));
    } catch {
      return false; // it has just ended
    }
  });
}
