/** Texts as a list; of more than `most` all but the last places, and how many are left. */
export const few = (texts: readonly string[], most: number): string =>
  texts.length > most ? `${texts.slice(0, most - 1).join(", ")} and ${texts.length - most + 1} more` : texts.join(", ");

/** The first of some names, and how many more there are. */
export const some = (names: readonly string[], shown = 5): string =>
  [...names.slice(0, shown), ...(names.length > shown ? [`and ${names.length - shown} more`] : [])].join(", ");
