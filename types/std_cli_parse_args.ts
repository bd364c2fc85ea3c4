/** `@std/cli/parse-args`, from the npm package that carries the same modules. */
// @ts-types="./std_cli_parse_args.d.ts"
export { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
