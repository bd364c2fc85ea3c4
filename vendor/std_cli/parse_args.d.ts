// Declarations of `@std/cli/parse-args`, as far as it is used.
export interface ParseOptions {
  readonly "--"?: boolean;
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  readonly boolean?: readonly string[];
  readonly string?: readonly string[];
  readonly collect?: readonly string[];
  readonly negatable?: readonly string[];
  readonly default?: Readonly<Record<string, unknown>>;
  readonly stopEarly?: boolean;
  /** Called for each unknown flag (`key` set) or positional; return false to leave it out. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
export interface ParsedArgs {
  readonly _: readonly (string | number)[];
  readonly [name: string]: unknown;
}
export function parseArgs(args: readonly string[], options?: ParseOptions): ParsedArgs;
