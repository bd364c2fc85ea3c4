/**
 * fast-check, with the same values in each run: what passed once passes again. Others are tried by
 * `make properties`, which gives a seed behind `--`.
 */

import fc from "npm:fast-check@4.10.2";
import { NUMBERS } from "./given.ts";

fc.configureGlobal({ seed: NUMBERS[0] ?? 1 });

export { default } from "npm:fast-check@4.10.2";
