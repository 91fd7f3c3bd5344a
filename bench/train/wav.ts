// Reads WAV files of 16-bit PCM with one channel.

/** Samples as numbers from -1 to below 1. */
export function readWav(file: Uint8Array, name: string): Float32Array {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error(`${name} is not a WAV file`);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const type = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    if (type === 'fmt ') {
      const [format, channels, bits] = [
        bytes.readUInt16LE(at + 8),
        bytes.readUInt16LE(at + 10),
        bytes.readUInt16LE(at + 22),
      ];
      if (format !== 1 || channels !== 1 || bits !== 16) throw new Error(`${name} is not 16-bit PCM of one channel`);
    }
    if (type === 'data') {
      const count = Math.min(size, bytes.length - at - 8) >> 1;
      return Float32Array.from({ length: count }, (_, i) => bytes.readInt16LE(at + 8 + 2 * i) / 32_768);
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${name} has no data`);
}
