// Relays that lie, for the chaos suite: what passes is changed now and then, or comes late or on another connection.
import type { Frame } from '../../protocol/frames.ts';
import type { Rewrite } from '../support/false-relay.ts';
import type { Lie } from './plan.ts';

/** Every so manieth segment is changed. */
const EVERY = 10;

/** What is held back passes after so many others. */
const HELD_BACK = 4;

type Changing = Exclude<Lie, 'holds back' | 'crosses channels'>;
type Segment = Frame & { readonly type: 'segment' };

/** The rewriting of each connection of one route. */
export function rewritesOf(lie: Lie): () => Rewrite {
  if (lie === 'holds back') return () => holding([]);
  if (lie === 'crosses channels') {
    const shared: Segment[] = [];
    return () => holding(shared);
  }
  return () => changing(lie);
}

/** Every so manieth segment waits in `held` until some have passed, on whatever connection shares that. */
function holding(held: Segment[]): Rewrite {
  let count = 0;
  let sinceHeld = 0;
  return (frame) => {
    if (frame.type !== 'segment') return [frame];
    count += 1;
    if (count % EVERY === 0) {
      held.push({ ...frame, payload: Uint8Array.from(frame.payload) });
      return [];
    }
    sinceHeld = held.length === 0 ? 0 : sinceHeld + 1;
    return sinceHeld > HELD_BACK ? [frame, ...held.splice(0)] : [frame];
  };
}

function changing(lie: Changing): Rewrite {
  let count = 0;
  return (frame) => {
    if (lie === 'forges proofs' && frame.type === 'proof') {
      return [{ ...frame, page: { ...frame.page, nodes: flipped(frame.page.nodes) } }];
    }
    if (lie === 'keeps proofs') return frame.type === 'proof' ? [] : [frame];
    if (frame.type !== 'segment' || lie === 'forges proofs') return [frame];
    count += 1;
    return count % EVERY === 0 ? change(lie, frame) : [frame];
  };
}

function change(lie: Exclude<Changing, 'forges proofs' | 'keeps proofs'>, frame: Segment): readonly Frame[] {
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
