/** `@std/cli/unicode-width`, from the npm package that carries the same modules. */
// @ts-types="./std_cli_unicode_width.d.ts"
export { unicodeWidth } from "npm:deno-std@1.4.0/cli/unicode_width.js";
