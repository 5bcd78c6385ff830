// What `pnpm pack` and `pnpm publish` leave out of a published package.json: what only works in this repository.

export const hooks = { beforePacking: published };

/** Sources, which the private condition leads to, are not published; nor are entry points for this repository: `testing`, and those with nothing built. */
function published({ exports, devDependencies: _, scripts: __, ...manifest }) {
  if (exports === undefined) return manifest;
  const entries = Object.entries(exports).filter(
    ([path, target]) => path !== './testing' && (typeof target === 'string' || 'default' in target),
  );
  return { ...manifest, exports: Object.fromEntries(entries.map(([path, target]) => [path, withoutSource(target)])) };
}

function withoutSource(target) {
  if (typeof target === 'string') return target;
  const { '@nfqlb/source': _, ...conditions } = target;
  return conditions;
}
