// deno-lint-ignore-file no-console -- a program of its own
/**
 * A client of etcd-server: `put` over gRPC, as its own clients do, on one connection. Takes lines `COUNT IN_FLIGHT`,
 * prints for each the median of all puts in ms, and puts per second.
 *
 *     etcd_client.ts PORT
 */

import { Buffer } from "node:buffer";
import { connect } from "node:http2";
import { createInterface } from "node:readline";
import process from "node:process";
import { median } from "../row.ts";

const VALUE_BYTES = 200;
const GRPC_HEADER_BYTES = 5;

/** A field of bytes in protobuf. */
function field(number: number, value: Buffer): Buffer {
  const length: number[] = [];
  let rest = value.length;
  for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), value]);
}

function putRequest(key: string): Buffer {
  const message = Buffer.concat([
    field(1, Buffer.from(key)),
    field(2, Buffer.alloc(VALUE_BYTES, "x")),
  ]);
  const header = Buffer.alloc(GRPC_HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

const session = connect(`http://127.0.0.1:${process.argv[2]}`);

function put(key: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stream = session.request({
    ":method": "POST",
    ":path": "/etcdserverpb.KV/Put",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("trailers", (trailers) => {
    if (trailers["grpc-status"] === "0") resolve();
    else reject(new Error(`etcd refuses: ${trailers["grpc-message"]}`));
  });
  stream.on("error", reject);
  stream.resume();
  stream.end(putRequest(key));
  return promise;
}

async function measure(count: number, inFlight: number): Promise<string> {
  const tookMs: number[] = [];
  let next = 0;
  const fromMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (next < count) {
      const key = `entry ${next++ % 32}`;
      const sentMs = performance.now();
      await put(key);
      tookMs.push(performance.now() - sentMs);
    }
  }));
  const seconds = (performance.now() - fromMs) / 1_000;
  return `${median(tookMs)} ${count / seconds}`;
}

console.log("ready");
for await (const line of createInterface(process.stdin)) {
  const [count = 0, inFlight = 1] = line.split(" ").map(Number);
  console.log(await measure(count, inFlight));
}
session.close();
