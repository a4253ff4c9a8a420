import type { Facts } from "../../../policy/facts/facts";

/** The good facts, changed in one way. */
export interface Mutation {
  readonly what: string;
  readonly change: (facts: Facts) => Facts;
  /** Part of the message; the verdict is fail unless `verdict` says otherwise. */
  readonly says: RegExp;
  readonly verdict?: "warn";
  /** The other guardrails that it makes fail or warn. @default none */
  readonly also?: readonly string[];
}

/** What one guardrail claims to catch, and what comes near and is legitimate. */
export interface Claim {
  readonly catches: readonly Mutation[];
  readonly passes?: readonly (readonly [what: string, change: Mutation["change"]])[];
  /** Set where there is nothing to say of the same change while authentication is off. */
  readonly silentWhileOff?: true;
}

/** Claims by the name of their guardrail. */
export type Claims = Readonly<Record<string, Claim>>;
