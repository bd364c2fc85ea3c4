/** `@std/csv/parse`, from the npm package that carries the same modules. */
// @ts-types="./std_csv_parse.d.ts"
export { parse } from "npm:deno-std@1.4.0/csv/parse.js";
