/** Texts as a list; of more than `most` all but the last places, and how many are left. */
export const few = (texts: readonly string[], most = 6, separator = ", "): string =>
  texts.length > most
    ? `${texts.slice(0, most - 1).join(separator)} and ${texts.length - most + 1} more`
    : texts.join(separator);
