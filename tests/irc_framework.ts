/** A real client's side of IRC, for tests: https://github.com/kiwiirc/irc-framework. */

// @ts-types="./irc_framework.d.ts"
export { Client } from "npm:irc-framework@4.14.0";
