// The packages that tests/run installed: they are not beside these scripts, but in a folder
// outside the source tree that TIDINGS_TEST_TOOLS names.
import { createRequire } from "node:module";
import { join } from "node:path";

export const load = createRequire(join(process.env.TIDINGS_TEST_TOOLS, "package.json"));

// One JSON value a line, for the test that started the script.
export const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
