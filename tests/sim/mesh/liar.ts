/**
 * An equivocating author: signs two bundles with one number, and sends the second one over half of its links.
 * Otherwise its program is correct. The equivocation can be proven, and must not separate the others.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { BundleId } from "../../../lib/base/ids.ts";
import { bundleId, makeBundle } from "../../../lib/protocols/mesh/log/bundle.ts";
import type { MeshEffect } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { Bundle } from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { MeshMachine } from "./member.ts";
import { Wrapped } from "./wrapped.ts";

/** The suffix of the second bundle's texts. */
const LIE = " (or so)";

/** The text as its author typed it. */
export function withoutLie(text: string): string {
  return text.endsWith(LIE) ? text.slice(0, -LIE.length) : text;
}

export class Liar extends Wrapped {
  readonly #forged = new Map<BundleId, Bundle>();

  constructor(inner: MeshMachine, readonly signer: Signer) {
    super(inner);
  }

  override effects(effects: readonly MeshEffect[]): MeshEffect[] {
    return effects.map((effect) => {
      if (effect.type !== "send" || effect.message.type !== "bundle") return effect;
      const { bundle } = effect.message;
      const { author, kind } = bundle.header.value;
      if (author !== this.signer.key || kind !== "texts" || effect.link % 2 === 0) return effect;
      // After its profile was restored, this member gets its own lies from others: it relays them unchanged.
      if (bundle.texts.value.some((text) => text.endsWith(LIE))) return effect;
      return { ...effect, message: { ...effect.message, bundle: this.#forge(bundle) } };
    });
  }

  #forge(bundle: Bundle): Bundle {
    const id = bundleId(fakeCrypto, bundle.header.bytes);
    const known = this.#forged.get(id);
    if (known !== undefined) return known;
    const { version: _v, count: _c, textsHash: _h, ...draft } = bundle.header.value;
    const texts = bundle.texts.value.map((text) => text + LIE);
    const { bundle: forged } = makeBundle(fakeCrypto, this.signer, { ...draft, texts });
    this.#forged.set(id, forged);
    return forged;
  }
}
