/** Whether what was written to a stream can be drawn over: it is a terminal, and one with a cursor. */
export function canRedraw(stream: { readonly isTTY?: boolean }, { TERM }: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && TERM !== 'dumb';
}

/** Whether a terminal may show colours and other styles: unless NO_COLOR is set to anything (no-color.org). */
export function isStyled({ NO_COLOR = '' }: NodeJS.ProcessEnv): boolean {
  return NO_COLOR === '';
}
