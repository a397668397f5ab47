/** Processes, by what Linux tells of them. */

import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import process from "node:process";
import type { Program } from "./programs.ts";

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

/** Ends a program and all processes of its folder, and removes that. */
export async function endAll(program: Program, folder: string): Promise<void> {
  program.kill("SIGKILL");
  for (const pid of processesWith(folder)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
  await program.ended;
  rmSync(folder, { recursive: true, force: true });
}
