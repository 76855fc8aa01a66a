// Bytes that shrink as ordinary text does: lines of a table made from a seed, so that no two leaves are alike.

/** `length` bytes of comma-separated values of `seed`. */
export function textBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  const regions = ['eu-west', 'us-east', 'ap-south', 'sa-east'];
  let state = seed >>> 0 || 1;
  let at = 0;
  for (let line = 0; at < length; line += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const text = `${line},2026-01-01T00:00:00Z,${regions[state >>> 30]},${state % 100_000},${(state % 977) / 10},ok\n`;
    at += bytes.write(text, at, 'latin1');
  }
  return bytes;
}
