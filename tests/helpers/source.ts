/** Small programs, given as text, in a process of their own. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, HERE, Program, type RuntimeName } from "./programs.ts";

/** The module, for programs to import. */
export const MODULE: string = new URL("../../mod.ts", import.meta.url).href;

/** How to run a source. */
export interface SourceOptions {
  /** @default {HERE} */
  runtime?: RuntimeName;
  /** Flags of the runtime. */
  flags?: string[];
  /** Gets the program while it runs. */
  started?: (program: Program) => Promise<void>;
}

/** Runs the text of a program to its end. */
export async function runSource(source: string, options: SourceOptions = {}): Promise<Ended> {
  const { runtime = HERE, flags, started } = options;
  const folder = await mkdtemp(join(tmpdir(), "netkit-source-"));
  try {
    const file = join(folder, "program.ts");
    await writeFile(file, source);
    const program = await Program.run(runtime, file, {
      cwd: folder,
      ...(flags === undefined ? {} : { flags }),
    });
    try {
      await started?.(program);
    } finally {
      await program.ended;
    }
    return await program.ended;
  } finally {
    await rm(folder, { recursive: true });
  }
}
