/** What nobody sees: control and format characters, fillers, private use; U+2800 is a Braille cell without dots. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\u2800]/u;
const OTHER_SPACE = /(?! )\p{Z}/u;

/**
 * Why a name could be taken for another one that reads the same: white space around it, characters that nobody sees, or
 * another form of the same letters, such as fullwidth ones. Undefined for a plain name in any script.
 */
export function misleadingIn(name: string): string | undefined {
  if (name.trim() !== name) return 'it has white space around it';
  const unseen = (INVISIBLE.exec(name) ?? OTHER_SPACE.exec(name))?.[0];
  if (unseen !== undefined) return `it holds the character ${codePoint(unseen)}, which nobody sees`;
  const plain = name.normalize('NFKC');
  return plain === name ? undefined : `it is not in Unicode's form NFKC; write it as "${plain}"`;
}

/** A text as a reader takes it: in lower case, of plain letters, without what nobody sees. For comparing alone. */
export function asRead(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\p{Z}\u2800]/gu, '')
    .toLowerCase();
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
