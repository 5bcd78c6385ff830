// Bundles a page into one file that loads nothing: its script, its style sheet and what it imports go into the HTML that is beside them, with the
// same name. A policy allows only these, and no connection.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/** Writes `page.html` for `page.ts` to a folder. @returns esbuild's metafile */
export async function bundlePage(source, folder) {
  const [script, style] = await Promise.all([bundle(source), bundle(source.replace(/ts$/, 'css'))]);
  const parts = {
    "default-src 'none'": `default-src 'none'; script-src '${digest(script.text)}'; style-src '${digest(style.text)}'`,
    '<style></style>': `<style>${style.text}</style>`,
    '<script></script>': `<script>${script.text}</script>`,
  };
  const html = readFileSync(source.replace(/ts$/, 'html'), 'utf8');
  const filled = Object.entries(parts).reduce((page, [place, text]) => {
    if (page.split(place).length !== 2) throw new Error(`${source.replace(/ts$/, 'html')} has not exactly one ${place}`);
    return page.replace(place, () => text);
  }, html);
  writeFileSync(join(folder, basename(source).replace(/ts$/, 'html')), filled);
  return script.metafile;
}

async function bundle(source) {
  const { outputFiles, metafile } = await build({
    entryPoints: [source],
    bundle: true,
    write: false,
    outdir: 'out',
    platform: 'browser',
    target: ['es2023', 'chrome120', 'firefox120', 'safari17'],
    format: 'iife',
    conditions: ['@nfqlb/source'],
    minify: true,
    legalComments: 'none',
    plugins: [noFiles],
    metafile: true,
    logLevel: 'warning',
  });
  const text = outputFiles[0].text.trim();
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`${source}: contains a tag that would end it in HTML`);
  return { text, metafile };
}

/** In a page, reading a file is an error, which says so. */
const noFiles = {
  name: 'no-files',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:fs$/ }, ({ path }) => ({ path, namespace: 'no-files' }));
    onLoad({ filter: /./, namespace: 'no-files' }, () => ({
      contents: "export function readFileSync() { throw new Error('a page in a browser reads no files'); }",
    }));
  },
};

/** As in a Content-Security-Policy. */
function digest(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
