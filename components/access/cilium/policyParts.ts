import { sortedLabels } from "../../../core/schema/intent";
import type { Intent } from "../../../core/schema/schema";
import { shortHash } from "../../../core/access/targets";

// A namespace's rules are one object, and several only where one would be too large.

/** Characters of JSON that the rules in one object may have: etcd refuses an object of 1.5 MiB, and there is more in one than its rules. */
const mostCharacters = 500_000;
/** As many as their names have numbers for. */
const mostParts = 64;

/**
 * `zero-trust` for part 0, which has the default deny, and `zero-more-63` downwards for the others: kubectl, Flux and Argo CD write in the order of names, and this is the
 * order in which they have to be written.
 */
export const partName = (part: number): string =>
  part === 0 ? "zero-trust" : `zero-more-${String(mostParts - part).padStart(2, "0")}`;

export const isPartName = (name: string): boolean => /^zero-(trust|more-\d\d)$/.test(name);

/** The target of some rules, and how many characters these have. */
export interface Sized {
  readonly target: Intent["target"];
  readonly characters: number;
}

/**
 * In how many parts some rules are: a power of two, so that when there are more, a target stays in its part or goes to one with a higher number. A part is written after
 * all that have higher numbers: so the rules of a target that moves are in their new part before they leave the old one. There are never fewer than before, since a part
 * that leaves the program is deleted last, in which the rules would still be as they were.
 *
 * @param before how many there were; 0 for none
 */
export function countParts(rules: readonly Sized[], before: number): number {
  const isTooLarge = (count: number) => {
    const sizes = new Map<number, { characters: number; places: Set<number> }>();
    for (const { target, characters } of rules) {
      const size = sizes.get(partOf(target, count)) ?? { characters: 0, places: new Set() };
      size.characters += characters;
      size.places.add(partOf(target, mostParts));
      sizes.set(partOf(target, count), size);
    }
    // What more parts would not tell apart stays as large.
    return [...sizes.values()].some(({ characters, places }) => characters > mostCharacters && places.size > 1);
  };
  let count = Math.max(before, 1);
  while (count < mostParts && isTooLarge(count)) count *= 2;
  return count;
}

/** The part in which a target's rules are. By its pods alone, so that the rules of all their ports change together. */
export const partOf = ({ selector }: Intent["target"], count: number): number =>
  parseInt(shortHash(sortedLabels(selector)), 16) % count;
