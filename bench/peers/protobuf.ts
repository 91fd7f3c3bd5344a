// The few lines of the protocol buffers' wire format that an ONNX file needs.

/** A message: its fields, encoded one after the other. */
export class Message {
  readonly #chunks: Uint8Array[] = [];

  integer(field: number, value: number): this {
    return this.#tag(field, 0).#varint(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.encoded());
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2).#varint(value.length).#chunks.push(value);
    return this;
  }

  encoded(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  #tag(field: number, wireType: number): this {
    return this.#varint(field * 8 + wireType);
  }

  /** Seven bits a byte, lowest first; the top bit says that more follow. */
  #varint(value: number): this {
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 128) {
      bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#chunks.push(Uint8Array.of(...bytes, rest));
    return this;
  }
}
