/** The program's version, that of `deno.json`. */
export const VERSION = "0.2.0";
