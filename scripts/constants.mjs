// esbuild turns the top-level `const` of modules into `var`, and V8 compiles only a `const` in as a constant: any other is read from memory, and its type
// checked, wherever it is used. For deciding packets that is a third of the time.
import { transform } from 'esbuild';

/** Makes the constants and classes of a bundled program `const` again: top-level variables whose names begin with a capital letter. */
export async function keepConstants(text) {
  const kept = text.replaceAll(/^var (?=[A-Z][\w$]* = )/gm, 'const ');
  // Fails if anything is assigned to one of them: then it must not be named like a constant.
  await transform(kept, { logLevel: 'silent', logOverride: { 'assign-to-constant': 'error' } });
  return kept;
}
