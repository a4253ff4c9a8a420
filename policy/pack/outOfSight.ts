/** What a guardrail asks for is in a file of a project that is not at hand. The message says where it is. */
export class OutOfSight extends Error {}
