/** `@std/csv/stringify`, from the npm package that carries the same modules. */
// @ts-types="./std_csv_stringify.d.ts"
export { stringify } from "npm:deno-std@1.4.0/csv/stringify.js";
