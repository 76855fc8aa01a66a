// Relays that lie, for the chaos suite: what passes is changed now and then, per connection.
import type { Frame } from '../../protocol/frames.ts';
import type { Rewrite } from '../support/false-relay.ts';
import type { Lie } from './plan.ts';

/** Every so manieth segment is changed. */
const EVERY = 10;

/** The rewriting of one connection. */
export function rewriteOf(lie: Lie): Rewrite {
  let count = 0;
  return (frame) => {
    if (lie === 'forges proofs' && frame.type === 'proof') {
      return [{ ...frame, page: { ...frame.page, nodes: flipped(frame.page.nodes) } }];
    }
    if (frame.type !== 'segment' || lie === 'forges proofs') return [frame];
    count += 1;
    return count % EVERY === 0 ? change(lie, frame) : [frame];
  };
}

function change(lie: Exclude<Lie, 'forges proofs'>, frame: Frame & { readonly type: 'segment' }): readonly Frame[] {
  switch (lie) {
    case 'flips bits':
      return [{ ...frame, payload: flipped(frame.payload) }];
    case 'cuts short':
      return [{ ...frame, payload: frame.payload.subarray(0, frame.payload.length >> 1) }];
    case 'swallows':
      return [];
    case 'repeats':
      return [frame, frame];
    case 'renumbers':
      return [{ ...frame, index: frame.index + 1 }];
    default:
      return lie satisfies never;
  }
}

function flipped(bytes: Uint8Array): Uint8Array {
  const bent = Uint8Array.from(bytes);
  const at = bent.length >> 1;
  bent[at] = (bent[at] ?? 0) ^ 0x04;
  return bent;
}
