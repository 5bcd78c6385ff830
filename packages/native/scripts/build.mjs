// Compiles the addon, unless a prebuilt one fits or the existing one was built from these sources for this Node.
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compile, platform, root } from './compile.mjs';
import { hasTheseSources, isCurrent, note } from './source-digest.mjs';

const built = join(root, 'build/Release/nfqlb.node');
if (!prebuiltFits() && !isCurrent(built)) {
  compile(built);
  note(built);
}

function prebuiltFits() {
  const prebuilt = join(root, 'prebuilds', `${platform}.node`);
  if (!existsSync(prebuilt)) return false;
  if (!hasTheseSources(prebuilt)) {
    // It would be loaded instead of the newly compiled one.
    console.error(`@nfqlb/native: removed ${prebuilt}: it was built from other sources`);
    rmSync(prebuilt);
    return false;
  }
  try {
    createRequire(import.meta.url)(prebuilt);
    return true;
  } catch {
    return false;
  }
}
