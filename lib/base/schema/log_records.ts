/**
 * Records in logs, each kind declared once. From the declaration come the type in memory, the line that is written,
 * the strict reading of it, and the tables in `docs/records.md`.
 *
 *     const NOTES = recordLog("notes", 1, {
 *       said: row("Somebody said something.", { sentAt: time(), from: hex<PeerKey>(), text: text() }),
 *     });
 *     type Note = RecordOf<typeof NOTES>;
 *
 * Columns are written one after the other in the order of their declaration, without names: first those that people
 * search with `grep` and `cut` (when, who, what), then what restores the exact bytes that were signed. Readers ignore
 * cells after those they know. A later version may add columns at the end, as `optional`; anything else is another
 * version of the format.
 */

import { MalformedError, P2pchatError } from "../errors.ts";
import { invariant } from "../invariant.ts";
import { quotedStart } from "../text/text.ts";
import type { Column } from "./cells.ts";

/** A record: its kind, and its texts in the order of that kind's columns. */
export interface LogRecord {
  /** Lower-case words with `-` between them. */
  readonly kind: string;
  readonly fields: readonly string[];
}

/** A property that a record may lack. */
interface OptionalColumn<T> extends Column<T | undefined> {
  readonly isOptional: true;
}

/** Names and columns of a record, in the order of their cells. */
export type Columns = Readonly<Record<string, Column<unknown>>>;

/** The type in memory of a column. */
export type Infer<C> = C extends Column<infer T> ? T : never;
/** With an object's own properties, for readers of types. */
type Flat<T> = { [K in keyof T]: T[K] };
/** The type in memory of these columns. */
export type InferColumns<C extends Columns> = Flat<
  & {
    readonly [K in keyof C as C[K] extends OptionalColumn<unknown> ? never : K]: Infer<C[K]>;
  }
  & {
    readonly [K in keyof C as C[K] extends OptionalColumn<unknown> ? K : never]?: Exclude<
      Infer<C[K]>,
      undefined
    >;
  }
>;

/** Columns one after the other, as one value. */
export function columns<C extends Columns>(fields: C): Column<InferColumns<C>> {
  const names = Object.keys(fields);
  const all = Object.values(fields);
  const open = all.findIndex(({ width }) => width === null);
  const widthOf = (some: readonly Column<unknown>[]) =>
    some.reduce((sum, { width }) => sum + (width ?? Infinity), 0);
  const widthAfter = widthOf(all.slice(open + 1));
  invariant(open === -1 || widthAfter < Infinity, "one column alone takes what the others leave");
  const firstOptional = all.findIndex(({ isOptional }) => isOptional);
  invariant(
    firstOptional === -1 || all.slice(firstOptional).every(({ isOptional }) => isOptional),
    "columns that may be absent come last",
  );
  const writers = all.map(({ write }) => write);
  const readers = all.map(({ read }) => read);
  const widths = all.map(({ width }) => width ?? 0);
  return {
    width: open === -1 ? widthAfter : null,
    describe: (name) =>
      names.flatMap((own, index) => all[index]!.describe(name === "" ? own : `${name}.${own}`)),
    write(cells, value) {
      const values = value as Readonly<Record<string, unknown>>;
      for (let index = 0; index < names.length; index++) {
        writers[index]!(cells, values[names[index]!]);
      }
    },
    read(cells, start, end) {
      const value: Record<string, unknown> = {};
      let at = start;
      for (let index = 0; index < names.length; index++) {
        const next = index === open ? end - widthAfter : at + widths[index]!;
        if (next < at) throw new MalformedError(`field ${end} is missing`);
        const read = readers[index]!(cells, at, next);
        if (read !== undefined) value[names[index]!] = read;
        at = next;
      }
      return value as InferColumns<C>;
    },
  };
}

/** The cells of a value. */
export function cellsOf<T>(column: Column<T>, value: T): string[] {
  const cells: string[] = [];
  column.write(cells, value);
  return cells;
}

/** `column` in another form in memory. */
export function mapped<T, C>(
  column: Column<C>,
  toColumn: (value: T) => C,
  fromColumn: (value: C) => T,
): Column<T> {
  const { width, isOptional = false } = column;
  return {
    width,
    isOptional,
    describe: (name) => column.describe(name),
    write: (cells, value) => column.write(cells, toColumn(value)),
    read: (cells, at, end) => fromColumn(column.read(cells, at, end)),
  };
}

/** A column that is left out where there is no value: only at the end of a record. */
export function optional<T>(column: Column<T>): OptionalColumn<T> {
  return {
    isOptional: true,
    width: column.width,
    describe: (name) => column.describe(name).map((each) => `${each}, may be absent`),
    write(cells, value) {
      if (value !== undefined) column.write(cells, value);
    },
    read: (cells, at, end) => cells.length > at ? column.read(cells, at, end) : undefined,
  };
}

/** A word that stands at the end of a record, or doesn't; another one there means as little as none. */
export function mark<const Word extends string>(word: Word): OptionalColumn<Word> {
  return {
    isOptional: true,
    width: 1,
    describe: () => [`\`${word}\`, may be absent`],
    write(cells, value) {
      if (value !== undefined) cells.push(value);
    },
    read: (cells, at) => cells[at] === word ? word : undefined,
  };
}

/** In place of each cell of a value that is null. */
const NONE = "-";

/** A value, or null. */
export function nullable<T>(column: Column<T>): Column<T | null> {
  const { width } = column;
  invariant(width !== null, "what may be null has a fixed number of cells");
  return {
    width,
    describe: (name) => column.describe(name).map((each) => `${each} or \`${NONE}\``),
    write(cells, value) {
      if (value !== null) column.write(cells, value);
      else for (let index = 0; index < width; index++) cells.push(NONE);
    },
    read(cells, at, end) {
      for (let index = at; index < at + width; index++) {
        if (cells[index] !== NONE) return column.read(cells, at, end);
      }
      return null;
    },
  };
}

/** Any number of values, each in one cell. */
export function list<T>(item: Column<T>): Column<readonly T[]> {
  invariant(item.width === 1, "each value of a list is in one cell");
  return {
    width: null,
    describe: (name) => item.describe(name).map((each) => `${each}, any number of cells`),
    write(cells, values) {
      for (const value of values) item.write(cells, value);
    },
    read(cells, at, end) {
      const values: T[] = [];
      for (let index = at; index < end; index++) values.push(item.read(cells, index, end));
      return values;
    },
  };
}

/** A kind of record. */
export interface Row<T> {
  readonly about: string;
  readonly column: Column<T>;
}

/** A kind of record with these columns. @param about What a record of this kind says, for tables. */
export function row<C extends Columns>(about: string, fields: C): Row<InferColumns<C>> {
  return { about, column: columns(fields) };
}

/** A kind of record that is in another form in memory. */
export function mappedRow<T, C>(
  about: string,
  column: Column<C>,
  toColumn: (value: T) => C,
  fromColumn: (value: C) => T,
): Row<T> {
  return { about, column: mapped(column, toColumn, fromColumn) };
}

type Rows = Readonly<Record<string, Row<unknown>>>;

type RecordsOf<R extends Rows> = {
  [K in keyof R & string]: R[K] extends Row<infer T> ? Flat<{ readonly kind: K } & T> : never;
};
type AnyRecord<R extends Rows> = RecordsOf<R>[keyof R & string];
/** The type in memory of the records of `Log`, or those of one kind: `{ kind: "said", ...columns }`. */
export type RecordOf<Log, Kind = string> = Log extends RecordLog<infer R>
  ? RecordsOf<R>[keyof R & Kind & string]
  : never;

/** A log's format and kinds of records. */
export interface RecordLog<R extends Rows> {
  readonly name: { readonly format: string; readonly version: number };
  readonly rows: R;
  /** The line of a record. */
  line(record: AnyRecord<R>): LogRecord;
  /**
   * The record in a line.
   * @throws {P2pchatError} `store-corrupt` if the line's checksum is right but the line can't be a record that was
   *   written; its text is part of a sentence.
   */
  record(line: LogRecord): AnyRecord<R>;
}

/**
 * Declares a log.
 * @param version Incremented with each change that older programs cannot read.
 */
export function recordLog<R extends Rows>(
  format: string,
  version: number,
  rows: R,
): RecordLog<R> {
  const columnOf = new Map(Object.entries(rows).map(([kind, { column }]) => [kind, column]));
  return {
    name: { format, version },
    rows,
    line(record) {
      const fields: string[] = [];
      columnOf.get(record.kind)!.write(fields, record);
      return { kind: record.kind, fields };
    },
    record({ kind, fields }) {
      try {
        const column = columnOf.get(kind);
        if (column === undefined) throw new MalformedError("no such kind is known");
        const value = column.read(fields, 0, fields.length) as { kind: string };
        value.kind = kind;
        return value as AnyRecord<R>;
      } catch (cause) {
        if (!(cause instanceof MalformedError)) throw cause;
        throw new P2pchatError(
          "store-corrupt",
          `its record of kind ${
            quotedStart(kind)
          } says ${cause.message}: a newer version wrote it, or somebody changed it`,
          { cause },
        );
      }
    },
  };
}
