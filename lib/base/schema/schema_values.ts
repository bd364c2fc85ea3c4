/** Schemas of single values on the wire: numbers, texts, bytes, ids, names. `schema.ts` combines them. */

import { pointFault } from "../crypto/ed25519_points.ts";
import type { HexId, PeerKey } from "../ids.ts";
import { invariant } from "../invariant.ts";
import { HOST_FORM, parseHost } from "../text/endpoints.ts";
import { nameFault } from "../text/names.ts";
import {
  type FieldCodec,
  ID_BYTES,
  type Input,
  refused,
  tooLong,
  unencodable,
  varintBytes,
} from "./schema_codec.ts";

/** How a `T` is encoded on the wire. Made only by the functions below and those of `schema.ts`. */
export interface Schema<T> {
  /**
   * A description for tables: `0..7`, `text, 64 B`, `list of 32 x { author: id }`.
   * @param nameOf The name of a schema that is described elsewhere.
   */
  describe(nameOf?: NameOf): string;
  /** The fields of a record. */
  readonly fields?: Fields;
  /** Whether null is a value of this schema. */
  readonly nullable?: boolean;
  /**
   * Length of the shortest value in bytes: a list's length is checked against the remaining bytes before anything
   * is allocated.
   */
  readonly bytesMin: number;
  /** Length of the longest value in bytes. */
  readonly bytesMax: number;
  /**
   * `field`: a field that may be missing at the end. `record`: one that ends with such a field, so must itself be
   * at an end.
   */
  readonly trailing: "none" | "field" | "record";
  /** The reader and writer for the field named `field`. */
  compile(field: string): FieldCodec<T>;
  /** The reader and writer of a whole value; compiled when first used. */
  readonly whole: FieldCodec<T>;
}

/** The name of a schema within another one, if it has a name. */
export type NameOf = (schema: Schema<unknown>) => string | undefined;

/** Names and schemas of a record's fields, in wire order. */
export type Fields = Readonly<Record<string, Schema<unknown>>>;

/** Completes a schema. Only for the functions of this file and `schema.ts`. */
export function schema<T>(
  form: Pick<Schema<T>, "describe" | "bytesMin" | "bytesMax" | "compile"> & Partial<Schema<T>>,
): Schema<T> {
  let whole: FieldCodec<T> | undefined;
  return {
    trailing: "none",
    ...form,
    get whole() {
      return whole ??= form.compile("");
    },
  };
}

/** A whole number from 0 to `max`, which is at most 2^53 - 1. */
export function uint(max: number): Schema<number> {
  invariant(Number.isSafeInteger(max) && max >= 0, `a uint's bound is 0 to 2^53 - 1, is ${max}`);
  return schema<number>({
    describe: () => max === Number.MAX_SAFE_INTEGER ? "0..2^53-1" : `0..${max}`,
    bytesMin: 1,
    bytesMax: varintBytes(max),
    compile: (field) => ({
      read: (input) => input.uint(field, max),
      write(output, value) {
        if (!(Number.isSafeInteger(value) && value >= 0 && value <= max)) {
          throw unencodable(field, `must be a whole number from 0 to ${max}, is ${value}`);
        }
        output.uint(value);
      },
    }),
  });
}

/** One byte, 0 or 1. */
export function bool(): Schema<boolean> {
  return schema<boolean>({
    describe: () => "bool",
    bytesMin: 1,
    bytesMax: 1,
    compile: (field) => ({
      read: (input) => input.uint(field, 1) === 1,
      write(output, value) {
        if (typeof value !== "boolean") throw unencodable(field, `must be a boolean`);
        output.byte(value ? 1 : 0);
      },
    }),
  });
}

/** UTF-8 of at most `bytesMax` bytes; invalid UTF-8 is refused, never repaired. */
export function text(bytesMax: number): Schema<string> {
  return schema<string>({
    describe: () => `text, ${bytesMax} B`,
    bytesMin: 1,
    bytesMax: varintBytes(bytesMax) + bytesMax,
    compile: (field) => ({
      read: (input) => input.utf8(field, input.length(field, bytesMax)),
      write: (output, value) => output.text(field, value, bytesMax),
    }),
  });
}

/** The name of somebody, as `text`: what can't be a name is refused, so that no sentence is shown in one's place. */
export function personName(bytesMax: number): Schema<string> {
  return checkedText("name", bytesMax, (name) => {
    const fault = nameFault(name);
    return fault === null ? null : `isn't a name: ${fault}`;
  });
}

/** A host name or an IP address, as `parseHost` gives it; empty: none. What can't be one is refused, as with names. */
export function hostText(bytesMax: number): Schema<string> {
  return checkedText("host", bytesMax, (host) => {
    return host === "" || parseHost(host) === host ? null : `must be ${HOST_FORM}`;
  });
}

/** @param kind For tables. @param fault The rule that a received text violates, as part of a sentence. */
function checkedText(
  kind: string,
  bytesMax: number,
  fault: (text: string) => string | null,
): Schema<string> {
  const any = text(bytesMax);
  return schema<string>({
    describe: () => `${kind}, ${bytesMax} B`,
    bytesMin: any.bytesMin,
    bytesMax: any.bytesMax,
    compile(field) {
      const { read, write } = any.compile(field);
      return {
        read(input) {
          const value = read(input);
          const found = fault(value);
          if (found !== null) throw refused(field, found);
          return value;
        },
        write,
      };
    },
  });
}

/** At most `bytesMax` bytes. Decoded as a view into the input: copy it if it has to outlive a larger input. */
export function bytes(bytesMax: number): Schema<Uint8Array> {
  return schema<Uint8Array>({
    describe: () => `bytes, ${bytesMax}`,
    bytesMin: 1,
    bytesMax: varintBytes(bytesMax) + bytesMax,
    compile: (field) => ({
      read: (input) => input.take(input.length(field, bytesMax)),
      write(output, value) {
        if (value.length > bytesMax) throw tooLong(field, bytesMax, value.length);
        output.uint(value.length);
        output.raw(value);
      },
    }),
  });
}

/** Exactly `length` bytes: keys, nonces, signatures. Decoded as a view into the input. */
export function fixedBytes(length: number): Schema<Uint8Array> {
  return schema<Uint8Array>({
    describe: () => `${length} bytes`,
    bytesMin: length,
    bytesMax: length,
    compile: (field) => ({
      read(input) {
        if (length > input.end - input.offset) throw refused(field, "the bytes end before it");
        return input.take(length);
      },
      write(output, value) {
        if (value.length !== length) {
          throw unencodable(field, `must have ${length} bytes, has ${value.length}`);
        }
        output.raw(value);
      },
    }),
  });
}

/** A hash: 32 raw bytes on the wire, 64 lower-case hexadecimal digits in memory. */
export function hexId<Id extends Exclude<HexId, PeerKey>>(): Schema<Id> {
  return idSchema<Id>((input, field) => input.hexId(field) as Id);
}

/** An identity's key, in the form of a hash. Keys that anybody could sign for, or in a second form, are refused. */
export function peerKey(): Schema<PeerKey> {
  return idSchema<PeerKey>((input, field) => {
    const key = input.hexId(field);
    const fault = pointFault(key);
    if (fault !== null) throw refused(field, `is the key ${key}, which is refused: ${fault}`);
    return key as PeerKey;
  });
}

function idSchema<Id extends HexId>(read: (input: Input, field: string) => Id): Schema<Id> {
  return schema<Id>({
    describe: () => "id",
    bytesMin: ID_BYTES,
    bytesMax: ID_BYTES,
    compile: (field) => ({
      read: (input) => read(input, field),
      write: (output, value) => output.hexId(field, value),
    }),
  });
}

/** One of `names`, encoded as its index; a later version may add names only at the end. */
export function oneOf<const Names extends readonly string[]>(names: Names): Schema<Names[number]> {
  const indexByName = new Map<string, number>(names.map((name, index) => [name, index]));
  invariant(indexByName.size === names.length && names.length > 0, "oneOf has distinct names");
  return schema<Names[number]>({
    describe: () => names.map((name) => `"${name}"`).join(" or "),
    bytesMin: 1,
    bytesMax: varintBytes(names.length - 1),
    compile: (field) => ({
      read: (input) => names[input.uint(field, names.length - 1)]!,
      write(output, value) {
        const index = indexByName.get(value);
        if (index === undefined) throw unencodable(field, `has no name "${value}"`);
        output.uint(index);
      },
    }),
  });
}
