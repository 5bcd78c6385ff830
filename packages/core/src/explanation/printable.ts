/**
 * Control characters, and those that only steer how others are shown (bidirectional overrides, say): what a terminal would obey
 * instead of showing it.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The text with every control character written out, as `\x1b` or `\u202e`: one line that shows what it says and does nothing else. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
