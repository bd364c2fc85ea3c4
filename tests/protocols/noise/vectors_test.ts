import { assertEquals } from "@std/assert";
import { EMPTY, type KeyPair, keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import {
  HandshakeState,
  type PatternName,
  type TransportStates,
} from "../../../lib/protocols/noise/handshake_state.ts";
import n from "./vectors/noise_n.json" with { type: "json" };
import xx from "./vectors/noise_xx.json" with { type: "json" };
import xxPsk0 from "./vectors/noise_xxpsk0.json" with { type: "json" };

/** One vector, its bytes in hexadecimal. Messages beyond the handshake's are transport messages. */
interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_static: string;
  readonly resp_ephemeral?: string;
  readonly psk?: string;
  readonly handshake_hash?: string;
  /** Who sends the first transport message; without it, turns go on as in the handshake. */
  readonly first_transport_from?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const FILES: readonly { readonly source: string; readonly vectors: readonly Vector[] }[] = [
  xx,
  xxPsk0,
  n,
];

const bytes = (hex: string) => Uint8Array.fromHex(hex);
const keyPair = (hex: string | undefined): { pair?: KeyPair } =>
  hex === undefined ? {} : { pair: keyPairFromSeed(bytes(hex)) };

function handshake(vector: Vector, initiator: boolean): HandshakeState {
  const own = initiator
    ? { ephemeral: vector.init_ephemeral, static: vector.init_static }
    : { ephemeral: vector.resp_ephemeral, static: vector.resp_static };
  const ephemeral = keyPair(own.ephemeral).pair;
  const fixed = keyPair(own.static).pair;
  return new HandshakeState({
    pattern: vector.protocol_name.split("_")[1] as PatternName,
    initiator,
    prologue: bytes(vector.init_prologue),
    ...(ephemeral === undefined ? {} : { ephemeral }),
    ...(fixed === undefined ? {} : { static: fixed }),
    ...(initiator && vector.init_remote_static !== undefined
      ? { remoteStatic: bytes(vector.init_remote_static) }
      : {}),
    ...(vector.psk === undefined ? {} : { preSharedKey: bytes(vector.psk) }),
  });
}

function sealed(states: TransportStates, payload: Uint8Array): string {
  const out = new Uint8Array(payload.length + 16);
  states.sending.sealInto(out, 0, EMPTY, payload);
  return out.toHex();
}

for (const { source, vectors } of FILES) {
  vectors.forEach((vector, index) => {
    const title = `${vector.protocol_name}, ${source.split(",")[0]} vector ${index + 1}`;

    Deno.test(`HandshakeState writes and reads every byte of ${title}`, () => {
      const initiator = handshake(vector, true);
      const responder = handshake(vector, false);
      const oneWay = vector.protocol_name.startsWith("Noise_N_");
      let states: { ofInitiator: TransportStates; ofResponder: TransportStates } | null = null;

      vector.messages.forEach(({ payload, ciphertext }, at) => {
        const turn = initiator.finished && vector.first_transport_from === "initiator"
          ? at + 1
          : at;
        const fromInitiator = oneWay || turn % 2 === 0;
        if (!initiator.finished) {
          const [writer, reader] = fromInitiator ? [initiator, responder] : [responder, initiator];
          let signed = "";
          const message = writer.writeMessage((hash) => {
            signed = hash.toHex();
            return bytes(payload);
          });
          assertEquals(message.toHex(), ciphertext);
          const opened = reader.readMessage(bytes(ciphertext));
          assertEquals(opened.payload.toHex(), payload);
          assertEquals(opened.hashBeforePayload.toHex(), signed);
          assertEquals(reader.hash, writer.hash);
          return;
        }
        if (states === null) {
          if (vector.handshake_hash !== undefined) {
            assertEquals(initiator.hash.toHex(), vector.handshake_hash);
          }
          states = { ofInitiator: initiator.split(), ofResponder: responder.split() };
        }
        const { ofInitiator, ofResponder } = states;
        const [writer, reader] = fromInitiator
          ? [ofInitiator, ofResponder]
          : [ofResponder, ofInitiator];
        assertEquals(sealed(writer, bytes(payload)), ciphertext);
        assertEquals(reader.receiving.open(EMPTY, bytes(ciphertext)).toHex(), payload);
      });

      assertEquals(initiator.finished && responder.finished, true);
    });
  });
}
