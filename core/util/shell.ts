/** A word that the shell takes as it is, whatever is in it. */
export const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
