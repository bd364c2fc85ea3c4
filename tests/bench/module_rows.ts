/** Codec, channel and store by themselves, from their own benchmarks, as rows. */

import {
  type ChannelFigure,
  measureHandshakes,
  measureOneWay,
  measureRoundTrip,
} from "./channel_bench.ts";
import { type CodecFigure, measureCodecs } from "./codec_bench.ts";
import { atLeast, atMost, type Row, type Target } from "./row.ts";
import { measureStores, type StoreFigure } from "./store_bench.ts";

const NS_A_SECOND = 1e9;

export async function measureModules(): Promise<readonly Row[]> {
  return [
    await measureDecoding(),
    handshakeRow(await measureHandshakes()),
    channelRow(
      await measureOneWay(),
      "raw sockets, 10 frames a write",
      atLeast(0.25),
    ),
    channelRow(await measureRoundTrip(), "raw sockets", atMost(3)),
    ...(await measureStores()).map(storeRow),
  ];
}

async function measureDecoding(): Promise<Row> {
  const { figures } = await measureCodecs();
  const decoding = figures.filter(({ message, work }) => message === "bundle" && work === "decode");
  const ours = decoding.filter(({ codec }) => codec.startsWith("ours"));
  // Its fastest form, ids left as bytes and nothing checked.
  const msgpackr = decoding
    .filter(({ codec }) => codec.startsWith("msgpackr") && !codec.includes("checked"))
    .sort((one, other) => one.wallNs - other.wallNs);
  // Its benchmark gives the median and the range.
  const perSecond = ([figure]: readonly CodecFigure[]) =>
    figure === undefined
      ? []
      : [...figure.wallNsRange, figure.wallNs].map((ns) => NS_A_SECOND / ns);
  const name = "msgpackr, decoding alone";
  return {
    group: "codec, channel, store",
    what: "decode and check a chat message",
    unit: "/s",
    ours: perSecond(ours),
    baseline: msgpackr.length === 0
      ? { name, missing: "make bench-deps" }
      : { name, samples: perSecond(msgpackr) },
    target: atLeast(0.5),
  };
}

function handshakeRow(figure: ChannelFigure | null): Row {
  const name = "the same on @noble";
  if (figure !== null) return channelRow(figure, name, atLeast(3));
  return {
    group: "codec, channel, store",
    what: "Noise XX handshakes, both sides",
    unit: "/s",
    ours: [],
    baseline: { name, missing: "make bench-deps" },
    target: atLeast(3),
  };
}

function channelRow(
  { row, unit, ours, baseline }: ChannelFigure,
  name: string,
  target: Target,
): Row {
  return {
    group: "codec, channel, store",
    what: row,
    unit: unit === "1/s" ? "/s" : unit,
    ours,
    baseline: { name, samples: baseline },
    target,
  };
}

function storeRow(
  { row, unit, ours, baseline, baselineName }: StoreFigure,
): Row {
  return {
    group: "codec, channel, store",
    what: row,
    unit,
    ours: [ours.min, ours.median, ours.max],
    baseline: baseline === null ? { name: baselineName, missing: "install redis-server" } : {
      name: baselineName,
      samples: [baseline.min, baseline.median, baseline.max],
    },
    target: unit === "ms" ? atMost(3) : atLeast(1),
  };
}
