// @ts-self-types="./mod.d.ts"
// Copyright 2018-2026 the Deno authors. MIT license.
export { AssertionError } from "./assertion_error.js";
export { assert } from "./assert.js";
export { assertEquals } from "./equals.js";
export { assertLess } from "./less.js";
export { assertMatch } from "./match.js";
export { assertNotEquals } from "./not_equals.js";
export { assertRejects } from "./rejects.js";
export { assertStrictEquals } from "./strict_equals.js";
export { assertStringIncludes } from "./string_includes.js";
export { assertThrows } from "./throws.js";
export { fail } from "./fail.js";
