/**
 * Structures on the wire, each declared once. From the declaration come the type in memory, the encoder, the
 * decoder with its checks (one pass), and the tables in `PROTOCOL.md`.
 *
 *     const HEAD = record({ author: peerKey(), counter: uint(COUNTER_MAX) });
 *     type Head = Infer<typeof HEAD>;
 *
 * Fields are encoded one after the other in the order of their declaration, without names. Only a structure whose
 * end is known, a message or an `embedded` structure, can grow in a later version, and only at its end: the new
 * field is declared `trailing`, and readers ignore bytes after the fields they know. A `record` anywhere else never
 * changes.
 *
 * For any input, decoding returns a value or throws `RemoteProtocolError`. It uses at most a small multiple of the
 * input's length in memory, and recurses no deeper than the declaration.
 */

import type { Bytes } from "../crypto/crypto.ts";
import { invariant } from "../invariant.ts";
import {
  type FieldCodec,
  Input,
  OUTPUT,
  refused,
  tooLong,
  unencodable,
  varintBytes,
} from "./schema_codec.ts";
import { type Fields, type NameOf, type Schema, schema } from "./schema_values.ts";

export type { Fields, NameOf, Schema } from "./schema_values.ts";
export {
  bool,
  bytes,
  fixedBytes,
  hexId,
  hostText,
  oneOf,
  peerKey,
  personName,
  text,
  uint,
} from "./schema_values.ts";

/** The type in memory that the schema `S` declares. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** The type in memory of a record with the fields `F`. */
type InferFields<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

function printed(item: Schema<unknown>, nameOf: NameOf | undefined): string {
  return nameOf?.(item) ?? item.describe(nameOf);
}

/** Fails where a declaration puts a structure with trailing fields before other data: its end couldn't be found. */
function checkNotTrailing(item: Schema<unknown>, where: string): void {
  invariant(item.trailing === "none", `${where} has no trailing field: its end isn't known`);
}

/**
 * The number of items, then the items, at most `itemsMax`.
 * @param bytesMax Limit for all of it in bytes; by default that of `itemsMax` items of the greatest length.
 */
export function list<T>(
  item: Schema<T>,
  itemsMax: number,
  bytesMax: number = varintBytes(itemsMax) + itemsMax * item.bytesMax,
): Schema<readonly T[]> {
  checkNotTrailing(item, "a list's item");
  invariant(
    item.bytesMin > 0,
    "a list's item takes at least one byte: it bounds what a list can be",
  );
  return schema<readonly T[]>({
    describe: (nameOf) => {
      const isBounded = bytesMax < itemsMax * item.bytesMax;
      const bound = isBounded ? `, ${bytesMax} B` : "";
      return `list of ${itemsMax} x ${printed(item, nameOf)}${bound}`;
    },
    bytesMin: 1,
    bytesMax,
    compile(field) {
      const itemCodec = item.compile(`${field}[]`);
      return {
        read(input) {
          const start = input.offset;
          const length = input.length(field, itemsMax, item.bytesMin);
          const items: T[] = [];
          for (let index = 0; index < length; index++) items.push(itemCodec.read(input));
          if (input.offset - start > bytesMax) {
            throw refused(field, `must have at most ${bytesMax} bytes, has more`);
          }
          return items;
        },
        write(output, items) {
          if (items.length > itemsMax) {
            throw unencodable(field, `must have at most ${itemsMax} items, has ${items.length}`);
          }
          const start = output.length;
          output.uint(items.length);
          for (const value of items) itemCodec.write(output, value);
          const bytes = output.length - start;
          if (bytes > bytesMax) throw tooLong(field, bytesMax, bytes);
        },
      };
    },
  });
}

/** A byte, 0 for `null`, or 1 and then the value. */
export function nullable<T>(item: Schema<T>): Schema<T | null> {
  checkNotTrailing(item, "a nullable value");
  invariant(!item.nullable, "a nullable value isn't itself nullable: null would have two forms");
  return schema<T | null>({
    nullable: true,
    describe: (nameOf) => `null or ${printed(item, nameOf)}`,
    bytesMin: 1,
    bytesMax: 1 + item.bytesMax,
    compile(field) {
      const itemCodec = item.compile(field);
      return {
        read: (input) => input.uint(field, 1) === 0 ? null : itemCodec.read(input),
        write(output, value) {
          output.byte(value === null ? 0 : 1);
          if (value !== null) itemCodec.write(output, value);
        },
      };
    },
  });
}

/**
 * A field that a later version added at the end of a message or an embedded structure. `absent` is its value where
 * an older program's bytes end before it. The encoder always writes it.
 */
export function trailing<T>(item: Schema<T>, absent: NoInfer<T>): Schema<T> {
  checkNotTrailing(item, "a trailing field's value");
  invariant(
    item.bytesMin > 0,
    "a trailing field takes at least one byte: else it is always absent",
  );
  return schema<T>({
    describe: (nameOf) => `${printed(item, nameOf)} (may be absent)`,
    bytesMin: 0,
    bytesMax: item.bytesMax,
    trailing: "field",
    compile(field) {
      const itemCodec = item.compile(field);
      return {
        read: (input) => input.offset === input.end ? absent : itemCodec.read(input),
        write: (output, value) => itemCodec.write(output, value),
      };
    },
  });
}

const FIELD_NAME = /^[a-z][A-Za-z0-9]*$/;

/** Fields, one after the other. */
export function record<F extends Fields>(fields: F): Schema<InferFields<F>> {
  return taggedRecord(null, fields);
}

/** After so many reads a reader is made for a record: to make one takes 80 us, which as many reads save. */
const READS_OFTEN = 200;

/**
 * The code that somebody would write to read these fields: it takes a third of the time that a loop takes, in which V8
 * knows neither which field it is at nor what the value will look like. Of what others send nothing gets into it.
 */
function readerOf(
  tag: string | null,
  names: readonly string[],
  codecs: readonly FieldCodec<unknown>[],
): (input: Input) => never {
  const type = tag === null ? [] : [`type: ${JSON.stringify(tag)}`];
  const parts = [...type, ...names.map((name, at) => `${name}: c${at}.read(input)`)];
  const body = `return (input) => ({ ${parts.join(", ")} })`;
  return new Function(...names.map((_, at) => `c${at}`), body)(...codecs);
}

/** A record whose value in memory has `type: tag` as its first property; the tag isn't on the wire. */
function taggedRecord<F extends Fields>(
  tag: string | null,
  fields: F,
): Schema<InferFields<F>> {
  const names = Object.keys(fields);
  let bytesMin = 0;
  let bytesMax = 0;
  let ends = false;
  for (const name of names) {
    const field = fields[name]!;
    invariant(FIELD_NAME.test(name), `a field's name is in camel case, is "${name}"`);
    invariant(tag === null || name !== "type", 'no field of a message has the name "type"');
    invariant(field.trailing !== "record", `${name} has no trailing field: its end isn't known`);
    invariant(
      !ends || field.trailing === "field",
      `${name} is trailing, as the field before it is`,
    );
    ends = field.trailing === "field";
    bytesMin += field.bytesMin;
    bytesMax += field.bytesMax;
  }
  return schema<InferFields<F>>({
    fields,
    describe: (nameOf) =>
      `{ ${names.map((name) => `${name}: ${printed(fields[name]!, nameOf)}`).join(", ")} }`,
    bytesMin,
    bytesMax,
    trailing: ends ? "record" : "none",
    compile(place) {
      const prefix = place === "" ? "" : `${place}.`;
      const codecs = names.map((name) => fields[name]!.compile(prefix + name));
      let reads = 0;
      const codec: FieldCodec<InferFields<F>> = {
        read(input) {
          if (++reads === READS_OFTEN) codec.read = readerOf(tag, names, codecs);
          const value: Record<string, unknown> = tag === null ? {} : { type: tag };
          for (let index = 0; index < names.length; index++) {
            value[names[index]!] = codecs[index]!.read(input);
          }
          return value as InferFields<F>;
        },
        write(output, value) {
          const values = value as Readonly<Record<string, unknown>>;
          for (let index = 0; index < names.length; index++) {
            codecs[index]!.write(output, values[names[index]!]);
          }
        },
      };
      return codec;
    },
  });
}

/** A structure that is signed or hashed: its exact bytes are sent and stored, with the decoded value beside them. */
export interface Embedded<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

/**
 * A structure whose exact bytes matter: its length, at most `bytesMax`, then its bytes. Bytes after the known
 * fields belong to a later version: they are kept, and ignored when decoding.
 */
export function embedded<T>(item: Schema<T>, bytesMax: number): Schema<Embedded<T>> {
  return schema<Embedded<T>>({
    describe: (nameOf) => `${printed(item, nameOf)} in its exact bytes, ${bytesMax} B`,
    bytesMin: 1 + item.bytesMin,
    bytesMax: varintBytes(bytesMax) + bytesMax,
    compile(field) {
      const itemCodec = item.compile(field);
      return {
        read(input) {
          const length = input.length(field, bytesMax);
          const outerEnd = input.end;
          const start = input.offset;
          input.end = start + length;
          const value = itemCodec.read(input);
          input.offset = start;
          const bytes = input.take(length);
          input.end = outerEnd;
          return { bytes, value };
        },
        write(output, { bytes }) {
          if (bytes.length > bytesMax) throw tooLong(field, bytesMax, bytes.length);
          output.uint(bytes.length);
          output.raw(bytes);
        },
      };
    },
  });
}

/** `value` with its bytes, to be signed or hashed. @throws {InvariantError} As `encode`. */
export function makeEmbedded<T>(schema: Schema<T>, value: NoInfer<T>): Embedded<T> {
  return { bytes: encode(schema, value), value };
}

/**
 * The encoding of `value`.
 * @returns A view into a buffer shared with other encodings; its bytes never change. Copy it (`slice`) to keep it
 *   for long, and don't use its `buffer` without its offset.
 * @throws {InvariantError} If `value` doesn't fit `schema`: a bug of the caller.
 */
export function encode<T>(schema: Schema<T>, value: NoInfer<T>): Bytes {
  OUTPUT.begin();
  schema.whole.write(OUTPUT, value);
  return OUTPUT.take();
}

/**
 * The value at the start of `bytes`; bytes after it belong to a later version and are ignored.
 * @returns A value whose byte arrays are views into `bytes` and keep its whole buffer alive: copy (`slice`) what is
 *   kept for long.
 * @throws {RemoteProtocolError} If `bytes` don't fit `schema`; the text names the field.
 */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array): T {
  return schema.whole.read(new Input(bytes));
}

/**
 * The send queue of a link that a message waits in. `control` is sent first; if too much of it waits, the link is
 * closed. `news` is sent in order with `control`, and is dropped where half of that queue is full, so that messages
 * caused by others never close a link. `data` is sent last, and is dropped if too much of it waits.
 */
export type Queue = "control" | "news" | "data";

/** A row of the message table in `PROTOCOL.md`. */
interface MessageAbout {
  /** Sender and receiver. */
  readonly from: string;
  readonly to: string;
  /** When the message is sent, and what the receiver answers. */
  readonly when: string;
  /** By default none. */
  readonly answer?: string;
  /** The send queue it waits in at each link; `bulk` goes out where nothing else waits, as it was asked for. */
  readonly lane: Queue | "bulk";
}

/** A kind of message: its code on the wire, its row in the table of `PROTOCOL.md`, its fields. */
export interface MessageSpec<Name extends string, F extends Fields> {
  readonly code: number;
  readonly name: Name;
  readonly about: MessageAbout;
  readonly fields: F;
  /** The schema of the fields; decodes to the message in memory, `type` included. */
  readonly schema: Schema<{ readonly type: Name } & InferFields<F>>;
}

/** The type in memory of a message: `{ type: "ihave", ...fields }`. */
export type MessageOf<Spec> = Spec extends MessageSpec<infer Name, infer F>
  ? { readonly type: Name } & InferFields<F>
  : never;

/** Codes take one or two bytes on the wire. */
export const MESSAGE_CODE_MAX = 16_383;

/**
 * Declares a kind of message.
 * @param code Its number on the wire, 0 to 16,383; never reused for another kind, not even in a later version.
 */
export function message<const Name extends string, F extends Fields>(
  code: number,
  name: Name,
  about: MessageAbout,
  fields: F,
): MessageSpec<Name, F> {
  invariant(
    Number.isInteger(code) && code >= 0 && code <= MESSAGE_CODE_MAX,
    `a message's code is 0 to ${MESSAGE_CODE_MAX}, ${name}'s is ${code}`,
  );
  const schema = taggedRecord(name, fields) as Schema<{ readonly type: Name } & InferFields<F>>;
  return { code, name, about, fields, schema };
}
