/** Text without a meaning to HTML or SVG, in an attribute too. */
export const text = (value: string): string =>
  value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
