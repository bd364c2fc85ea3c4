/**
 * Writes the manual page and the completions of bash, zsh and fish into a folder, as `make install` installs them.
 *
 *     deno run --allow-write tools/command_files.ts FOLDER
 */

import { ensureDir } from "@std/fs";
import { dirname } from "node:path";
import { COMMANDS } from "../lib/cli/program.ts";
import { VERSION } from "../lib/cli/session/version.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "./completions.ts";
import { manPage } from "./man_page.ts";

const [folder] = Deno.args as [string];
const files = {
  "man/man1/p2pchat.1": manPage(COMMANDS, VERSION),
  "bash-completion/completions/p2pchat": bashCompletion(COMMANDS),
  "zsh/site-functions/_p2pchat": zshCompletion(COMMANDS),
  "fish/vendor_completions.d/p2pchat.fish": fishCompletion(COMMANDS),
};
for (const [name, text] of Object.entries(files)) {
  const path = `${folder}/${name}`;
  await ensureDir(dirname(path));
  await Deno.writeTextFile(path, text);
}
