// Votes of mirrors: who leads, when more votes cannot change it, and what the one that the user named weighs.
import { expect, test } from 'vitest';
import { Ballot } from '../../../client/io/range-ballot.ts';

test('the majority leads', () => {
  const ballot = new Ballot(3, undefined);
  ballot.cast(0, 'a');
  ballot.cast(1, 'b');
  expect(ballot.lead).toMatchObject({ choice: 'a', isTie: true });
  ballot.cast(2, 'b');
  expect(ballot.lead).toMatchObject({ choice: 'b', voters: [1, 2], isTie: false });
});

test('a vote is sure when the open ones cannot change it', () => {
  const ballot = new Ballot(5, undefined);
  expect(ballot.isSure(5)).toBe(false);
  ballot.cast(0, 'a');
  ballot.cast(1, 'a');
  expect(ballot.isSure(3)).toBe(false);
  ballot.cast(2, 'a');
  expect(ballot.isSure(2)).toBe(true);
  ballot.withdraw(2);
  expect(ballot.isSure(3)).toBe(false);
  expect(ballot.isSure(0)).toBe(true);
});

test('the one that the user named outweighs all others, and is waited for', () => {
  const ballot = new Ballot(4, 3);
  for (const voter of [0, 1, 2]) ballot.cast(voter, 'a');
  expect(ballot.isSure(1)).toBe(false);
  ballot.cast(3, 'b');
  expect(ballot.lead).toMatchObject({ choice: 'b', voters: [3], isTie: false });
  expect(ballot.isSure(0)).toBe(true);
});

test('nobody leads before the first vote', () => {
  const ballot = new Ballot(2, undefined);
  expect(ballot.lead).toBeUndefined();
  expect(ballot.isSure(0)).toBe(false);
});
