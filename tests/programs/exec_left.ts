/** Runs a command that says its number and goes on, until it is interrupted. */

import { exec } from "../../scripts/lib/exec.mjs";

await exec(["sh", "-c", "echo number $$; exec sleep 60"], { seconds: 50, show: true });
